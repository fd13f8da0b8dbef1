import { parseSocketIp } from '../../../net/address.ts';
import { parseHostname } from '../../../net/hostname.ts';
import type { Backend, BackendPool } from '../../backends/index.ts';
import type { Route } from '../../model.ts';
import { encodeProxyV2 } from '../../proxy-protocol/index.ts';
import type { ConnectionInfo } from '../../report.ts';
import { tlsPlanOf, type Dial } from './dialer.ts';
import { createTarget, type Target } from './target.ts';

/** The backends of one route object and the connections to them. */
export interface RouteUpstreams {
  readonly pool: BackendPool;
  target(backend: Backend, client: ConnectionInfo): Target;
  /** Closes idle connections, and lets go of clients' own who have not asked for anything in a while. */
  sweep(now: number): void;
  close(): void;
}

/** With send_proxy_protocol each client has connections of its own; so many clients are remembered, the idlest goes first. */
const MAX_CLIENT_TARGETS = 2048;
const CLIENT_IDLE_MS = 60_000;

/** Throws when the route's backend_ca is no PEM. */
export function createRouteUpstreams(route: Route, pool: BackendPool, dial: Dial): RouteUpstreams {
  const tls = tlsPlanOf(route);
  /** By backend, or by backend and client (PX-6). In order of last use where clients have their own. */
  const targets = new Map<string, Target>();

  function targetFor(key: string, backend: Backend, proxyHeader: () => Uint8Array | null): Target {
    const known = targets.get(key);
    if (known) return known;
    const target = createTarget({
      route,
      backend: backend.address,
      tls,
      dial,
      proxyHeader,
      onConnected: () => backend.connectSucceeded(),
    });
    targets.set(key, target);
    return target;
  }

  function ownTarget(backend: Backend, client: ConnectionInfo): Target {
    // The SNI is in the header too, and a wildcard route has many.
    const key = `${backend.address} ${client.clientIp} ${client.sni ?? ''}`;
    const target = targetFor(key, backend, () => proxyHeaderOf(client));
    targets.delete(key);
    targets.set(key, target);
    if (targets.size > MAX_CLIENT_TARGETS) evictFirst();
    return target;
  }

  function evictFirst(): void {
    for (const [key, target] of targets) {
      targets.delete(key);
      target.close();
      return;
    }
  }

  return {
    pool,
    target: (backend, client) =>
      route.sendProxyProtocol ? ownTarget(backend, client) : targetFor(backend.address, backend, noHeader),
    sweep(now) {
      for (const [key, target] of targets) {
        target.sweep(now);
        if (!route.sendProxyProtocol || now - target.lastUsedAt < CLIENT_IDLE_MS) continue;
        targets.delete(key);
        target.close();
      }
    },
    close() {
      for (const target of targets.values()) target.close();
      targets.clear();
    },
  };
}

function noHeader(): null {
  return null;
}

/** The client as it came to us; the connection's id ties the next hop's log lines to ours. */
function proxyHeaderOf(client: ConnectionInfo): Uint8Array | null {
  const source = parseSocketIp(client.clientIp);
  const destination = parseSocketIp(client.localIp);
  if (!source || !destination) return null;
  const authority = client.sni === null ? null : parseHostname(client.sni);
  return encodeProxyV2({
    source: { ip: source, port: client.clientPort },
    destination: { ip: destination, port: client.localPort },
    uniqueId: Buffer.from(client.id.slice(0, 128), 'latin1'),
    ...(authority === null ? {} : { authority }),
  });
}
