import { evaluateFirewall } from '../firewall/index.ts';
import type { Arrival, ArrivalHandler } from '../native/native.ts';
import { formatIp } from '../net/address.ts';
import { readClientHello } from './client-hello/index.ts';
import type { ConnectionRegistry, LiveConnection } from './connections.ts';
import type { ConnectionGauges } from './gauges.ts';
import { redirectToHttps } from './http-redirect.ts';
import { RelayedConnection, type RelayedObserver } from './l4/relayed.ts';
import type { Relayer } from './l4/relayer.ts';
import type { Terminator } from './l7/terminator.ts';
import type { Route } from './model.ts';
import { Passage, printableId } from './passage.ts';
import { readProxyHeader } from './proxy-protocol/index.ts';
import type { Reason } from './reasons.ts';
import type { Reporter } from './report.ts';
import { selectRoute } from './routing/select-route.ts';
import type { ListenerTable, ProxyTables } from './routing/tables.ts';

/**
 * The life of a connection:
 *
 *   accept → PROXY header → firewall → ClientHello → route → { L4: connect → relay | L7: TLS → HTTP → policy → upstream }
 *
 * The reactor calls `arrived` whenever a waiting connection changed. Each step answers at once: it is settled, it wants more bytes,
 * or it refused; a settled step is not run again. Nothing here waits, allocates per byte, or throws past `arrived`.
 */
export interface PipelineDeps {
  readonly tables: ProxyTables;
  readonly reporter: Reporter;
  readonly relayer: Relayer;
  readonly terminator: Terminator;
  readonly gauges: ConnectionGauges;
  readonly registry: ConnectionRegistry;
  readonly nextId: () => string;
}

/** Looked at byte by byte as they come. */
const FIRST_BYTES = 16;

/** `gauge`: the listener's column in the shared gauges. */
export function createPipeline(deps: PipelineDeps, opened: ListenerTable, gauge: number): ArrivalHandler<Passage> {
  const { tables, reporter, relayer, terminator, gauges, registry } = deps;
  let listener = opened;

  function advance(arrival: Arrival<Passage>): void {
    const passage = arrival.tag ?? accept(arrival);
    if (!passage) return;
    if (arrival.state === 'closed') return forget(passage);
    if (arrival.state === 'timeout') return refuse(arrival, passage, 'hello_timeout', '', '');
    if (!proxyHeader(arrival, passage)) return;
    if (!firewall(arrival, passage)) return;
    const hello = clientHello(arrival, passage);
    if (!hello) return;
    const route = findRoute(arrival, passage);
    if (!route) return;
    if (route.mode === 'l4') relay(arrival, passage, route);
    else terminate(arrival, passage, route);
  }

  function accept(arrival: Arrival<Passage>): Passage | null {
    const passage = new Passage(arrival, listener.spec.addr, deps.nextId);
    arrival.tag = passage;
    if (arrival.state !== 'open') return null;
    if (!gauges.tryOpen(gauge, listener.spec.maxConnections)) {
      report(passage, 'limit_connections', '', '');
      arrival.reset();
      return null;
    }
    passage.counted = true;
    reporter.accepted(listener.spec.addr);
    return passage;
  }

  function proxyHeader(arrival: Arrival<Passage>, passage: Passage): boolean {
    if (passage.headerSettled) return true;
    if (!listener.spec.proxyProtocol || !listener.trusts(passage.peer.ip)) {
      passage.headerSettled = true;
      return true;
    }
    const header = readProxyHeader(arrival.bytes);
    switch (header.kind) {
      case 'incomplete':
        wait(arrival, header.needBytes);
        return false;
      case 'absent':
        refuse(arrival, passage, 'proxy_header_missing', '', '');
        return false;
      case 'invalid':
        refuse(arrival, passage, 'proxy_header_invalid', '', header.detail);
        return false;
      case 'header':
        passage.headerSettled = true;
        passage.headerBytes = header.length;
        passage.client = header.source ?? passage.peer;
        passage.local = header.destination ?? passage.local;
        passage.proxied = header.source !== null;
        passage.viaId = header.uniqueId ? printableId(header.uniqueId) : null;
        return true;
      default:
        return header satisfies never;
    }
  }

  function firewall(arrival: Arrival<Passage>, passage: Passage): boolean {
    if (passage.admitted) return true;
    const verdict = evaluateFirewall(tables.firewall, passage.client.ip, 'count');
    if (verdict.kind === 'block') {
      refuse(arrival, passage, verdict.reason, verdict.rule, '');
      return false;
    }
    passage.admitted = true;
    return true;
  }

  function clientHello(arrival: Arrival<Passage>, passage: Passage): boolean {
    const bytes = passage.headerBytes === 0 ? arrival.bytes : arrival.bytes.subarray(passage.headerBytes);
    const hello = readClientHello(bytes, tables.settings.helloMaxBytes);
    switch (hello.kind) {
      case 'incomplete':
        wait(arrival, passage.headerBytes + hello.needBytes);
        return false;
      case 'hello':
        passage.sni = hello.sni;
        return true;
      case 'invalid':
        if (hello.detail === 'http' && listener.spec.redirectHttp) redirect(arrival, passage, bytes);
        else if (hello.detail === 'proxy-header') refuse(arrival, passage, unexpectedHeader(passage), '', '');
        else refuse(arrival, passage, hello.reason, '', hello.detail);
        return false;
      default:
        return hello satisfies never;
    }
  }

  function findRoute(arrival: Arrival<Passage>, passage: Passage): Route | null {
    const decision = selectRoute(listener.routes, passage.sni);
    if (decision.kind === 'route') return decision.match.route;
    refuse(arrival, passage, decision.reason, '', '');
    return null;
  }

  function relay(arrival: Arrival<Passage>, passage: Passage, route: Route): void {
    if (!gauges.tryDial()) return refuse(arrival, passage, 'limit_upstreams', '', '', route.hostname);
    passage.dialed = true;
    const relayed = new RelayedConnection(arrival, passage, route, relayObserver);
    // Known from here on, so that a removed route's connections are found while they still look for a backend.
    registry.add(relayed);
    relayer.relay(arrival, passage, route, relayed);
  }

  const relayObserver: RelayedObserver = {
    unreachable(relayed, reason, detail) {
      registry.remove(relayed);
      refuse(relayed.arrival, relayed.passage, reason, '', detail, relayed.route.hostname);
    },
    closed(relayed, result) {
      registry.remove(relayed);
      forget(relayed.passage);
      reporter.relayed(relayed.record(result));
    },
  };

  function terminate(arrival: Arrival<Passage>, passage: Passage, route: Route): void {
    // What is known of the arrival has to be asked for before it is handed over.
    const { info } = passage;
    const socket = arrival.adopt(passage.headerBytes);
    const live: LiveConnection = {
      info,
      route,
      traffic: () => ({ backend: '', bytesUp: socket.bytesRead, bytesDown: socket.bytesWritten }),
      kill: () => socket.resetAndDestroy(),
    };
    registry.add(live);
    socket.once('close', () => {
      registry.remove(live);
      forget(passage);
    });
    terminator.terminate(socket, info, route);
  }

  function redirect(arrival: Arrival<Passage>, passage: Passage, bytes: Uint8Array): void {
    const answer = redirectToHttps(bytes, passage.local.port);
    if (answer === 'incomplete') return arrival.more(arrival.bytes.length + 1);
    if (!answer) return refuse(arrival, passage, 'hello_invalid', '', 'http');
    arrival.reply(answer);
    forget(passage);
  }

  /** What can't become a hello shows so in its first bytes; from there on it is enough to look when a hello could be whole. */
  function wait(arrival: Arrival<Passage>, needBytes: number): void {
    const { length } = arrival.bytes;
    arrival.more(length < FIRST_BYTES ? length + 1 : needBytes);
  }

  function refuse(
    arrival: Arrival<Passage>,
    passage: Passage,
    reason: Reason,
    rule: string,
    detail: string,
    route = '',
  ): void {
    report(passage, reason, rule, detail, route);
    arrival.reset();
    forget(passage);
  }

  function report(passage: Passage, reason: Reason, rule: string, detail: string, route = ''): void {
    reporter.refused({
      reason,
      rule,
      detail,
      listener: passage.listener,
      clientIp: formatIp(passage.client.ip),
      peerIp: formatIp(passage.peer.ip),
      sni: passage.sni ?? '',
      route,
      connectionId: passage.id,
    });
  }

  function forget(passage: Passage): void {
    if (passage.dialed) gauges.hungUp();
    passage.dialed = false;
    if (!passage.counted) return;
    passage.counted = false;
    gauges.close(gauge);
  }

  /** A header on a listener that wants one is the second; elsewhere nobody may send one. */
  function unexpectedHeader(passage: Passage): Reason {
    return passage.headerBytes > 0 ? 'proxy_header_invalid' : 'proxy_header_untrusted';
  }

  return {
    arrived(batch) {
      // A reload may have replaced the table while the socket stayed; one that is gone serves what still arrives by its last state.
      listener = tables.listener(opened.spec.addr) ?? listener;
      for (const arrival of batch) {
        try {
          advance(arrival);
        } catch (error) {
          reporter.failed('connection pipeline', error);
          if (arrival.tag) refuse(arrival, arrival.tag, 'internal', '', '');
          else arrival.reset();
        }
      }
    },
    failed: (error) => reporter.failed(`listener ${listener.spec.addr}`, error),
  };
}
