import type { FirewallRule, FirewallRules } from '../../../firewall/index.ts';
import type { ListenerSpec, ProxySettings, ProxySnapshot, Route, SnapshotChange } from '../../../proxy/model.ts';

/** A worker's view: one snapshot at its start and changes after it. Must always equal what a new worker would be given. */
export interface Replica {
  apply(changes: readonly SnapshotChange[]): void;
  /** In an order that doesn't depend on how the state came about. */
  picture(): unknown;
}

const LISTS = {
  blocked_ip: 'blockedIps',
  blocked_cidr: 'blockedCidrs',
  blocked_country: 'blockedCountries',
  allowed_cidr: 'allowedCidrs',
} as const;

export function createReplica(start: ProxySnapshot): Replica {
  const listeners = new Map<string, { spec: ListenerSpec; routes: Map<string, Route> }>();
  for (const { routes, ...spec } of start.listeners) {
    listeners.set(spec.addr, { spec, routes: new Map(routes.map((route) => [route.hostname, route])) });
  }
  let firewall: FirewallRules = start.firewall;
  let settings: ProxySettings = start.settings;

  const edit = (op: 'add' | 'remove', { kind, value }: FirewallRule): void => {
    const before = firewall[LISTS[kind]];
    if (op === 'add' && before.includes(value)) throw new Error(`${value} is added twice`);
    if (op === 'remove' && !before.includes(value)) throw new Error(`${value} is not there to be removed`);
    const after = op === 'add' ? [...before, value] : before.filter((other) => other !== value);
    firewall = { ...firewall, [LISTS[kind]]: after };
  };
  const known = (addr: string) => {
    const listener = listeners.get(addr);
    if (!listener) throw new Error(`the listener ${addr} is unknown to the worker`);
    return listener;
  };

  return {
    apply(changes) {
      for (const change of changes) {
        switch (change.kind) {
          case 'route_put':
            known(change.listener).routes.set(change.route.hostname, change.route);
            break;
          case 'route_remove':
            known(change.listener).routes.delete(change.hostname);
            break;
          case 'listener_put':
            listeners.set(change.listener.addr, {
              spec: change.listener,
              routes: listeners.get(change.listener.addr)?.routes ?? new Map(),
            });
            break;
          case 'listener_remove':
            listeners.delete(change.addr);
            break;
          case 'firewall':
            firewall = change.rules;
            break;
          case 'firewall_rule':
            edit(change.op, change.rule);
            break;
          case 'rate_limit':
            firewall = { ...firewall, rateLimit: change.limit, rateWindowMs: change.windowMs };
            break;
          case 'geoip':
          case 'backends_down':
            break;
          case 'settings':
            settings = change.settings;
            break;
          default:
            change satisfies never;
        }
      }
    },
    picture() {
      const all = [...listeners.values()].map(({ spec, routes }) => ({ ...spec, routes: [...routes.values()] }));
      return pictureOf({ ...start, listeners: all, firewall, settings });
    },
  };
}

export function pictureOf({ listeners, firewall, settings }: ProxySnapshot): unknown {
  return {
    listeners: listeners
      .map(({ routes, ...spec }) => ({
        ...spec,
        routes: routes.toSorted((a, b) => (a.hostname < b.hostname ? -1 : 1)),
      }))
      .sort((a, b) => (a.addr < b.addr ? -1 : 1)),
    firewall: Object.fromEntries(
      Object.entries(firewall).map(([key, value]) => [key, Array.isArray(value) ? value.toSorted() : value]),
    ),
    settings,
  };
}
