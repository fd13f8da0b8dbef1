import {
  addFirewallRule,
  compileFirewall,
  createGeoip,
  removeFirewallRule,
  setRateLimit,
  type Firewall,
  type RateLimiter,
} from '../../firewall/index.ts';
import type { IpAddress } from '../../net/address.ts';
import { cidrContains, parseCidr, type Cidr } from '../../net/cidr.ts';
import type { ListenerSnapshot, ListenerSpec, ProxySettings, ProxySnapshot, Route, SnapshotChange } from '../model.ts';
import { RouteTable } from './route-table.ts';

/** What a thread decides by. The workers and the main thread (for Explain) each hold one, built from the same snapshot. */
export interface ProxyTables {
  readonly firewall: Firewall;
  readonly settings: ProxySettings;
  /** Ids of backends that fail their health checks; the same set for ever, which changes. */
  readonly backendsDown: ReadonlySet<string>;
  listener(addr: string): ListenerTable | null;
  /** Applies a change in place, within this turn. Returns the route objects that are no longer served. */
  apply(change: SnapshotChange): readonly Route[];
}

export interface ListenerTable {
  readonly spec: ListenerSpec;
  readonly routes: RouteTable;
  /** Whether a PROXY header of this peer is believed (and required). */
  trusts(peer: IpAddress): boolean;
}

const NOTHING: readonly Route[] = [];

export function createTables(snapshot: ProxySnapshot, limiter: RateLimiter): ProxyTables {
  const listeners = new Map<string, LiveListener>();
  for (const listener of snapshot.listeners) listeners.set(listener.addr, new LiveListener(listener, listener.routes));
  let geoip = snapshot.geoip && createGeoip(snapshot.geoip);
  let firewall = compileFirewall(snapshot.firewall, { geoip, limiter });
  let settings = snapshot.settings;
  const backendsDown = new Set(snapshot.backendsDown);

  function apply(change: SnapshotChange): readonly Route[] {
    switch (change.kind) {
      case 'route_put':
        return listOf(listeners.get(change.listener)?.routes.put(change.route));
      case 'route_remove':
        return listOf(listeners.get(change.listener)?.routes.remove(change.hostname));
      case 'listener_put': {
        const known = listeners.get(change.listener.addr);
        if (known) known.configure(change.listener);
        else listeners.set(change.listener.addr, new LiveListener(change.listener, []));
        return NOTHING;
      }
      case 'listener_remove': {
        const gone = listeners.get(change.addr);
        listeners.delete(change.addr);
        return gone ? [...gone.routes.values()] : NOTHING;
      }
      case 'firewall':
        firewall = compileFirewall(change.rules, { geoip, limiter });
        return NOTHING;
      case 'firewall_rule':
        if (change.op === 'add') addFirewallRule(firewall, change.rule);
        else removeFirewallRule(firewall, change.rule);
        return NOTHING;
      case 'rate_limit':
        setRateLimit(firewall, change.limit, change.windowMs);
        return NOTHING;
      case 'geoip':
        geoip = createGeoip(change.buffer);
        firewall.geoip = geoip;
        return NOTHING;
      case 'backends_down':
        backendsDown.clear();
        for (const id of change.down) backendsDown.add(id);
        return NOTHING;
      case 'settings':
        settings = change.settings;
        return NOTHING;
      default:
        return change satisfies never;
    }
  }

  return {
    get firewall() {
      return firewall;
    },
    get settings() {
      return settings;
    },
    backendsDown,
    listener: (addr) => listeners.get(addr) ?? null,
    apply,
  };
}

class LiveListener implements ListenerTable {
  spec: ListenerSpec;
  readonly routes: RouteTable;
  #trusted: readonly Cidr[];

  constructor(spec: ListenerSpec, routes: ListenerSnapshot['routes']) {
    this.spec = specOf(spec);
    this.routes = new RouteTable(routes, spec.defaultRoute);
    this.#trusted = spec.trustedProxies.map(networkOf);
  }

  configure(spec: ListenerSpec): void {
    this.spec = specOf(spec);
    this.routes.setDefaultHost(spec.defaultRoute);
    this.#trusted = spec.trustedProxies.map(networkOf);
  }

  trusts(peer: IpAddress): boolean {
    for (const network of this.#trusted) if (cidrContains(network, peer)) return true;
    return false;
  }
}

/** A snapshot's listener carries its routes; the table holds them elsewhere. */
function specOf({
  addr,
  proxyProtocol,
  trustedProxies,
  defaultRoute,
  maxConnections,
  redirectHttp,
}: ListenerSpec): ListenerSpec {
  return { addr, proxyProtocol, trustedProxies, defaultRoute, maxConnections, redirectHttp };
}

function networkOf(text: string): Cidr {
  const parsed = parseCidr(text);
  // The main thread checked it before it came here: a wrong one is a defect, and must not widen trust.
  if (parsed.kind !== 'cidr') throw new Error(`trusted_proxies: "${text}" is no network`);
  return parsed.cidr;
}

function listOf(route: Route | null | undefined): readonly Route[] {
  return route ? [route] : NOTHING;
}
