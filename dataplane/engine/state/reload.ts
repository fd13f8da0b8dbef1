import { isDeepStrictEqual } from 'node:util';
import type { ListenerSpec, SnapshotChange } from '../../proxy/model.ts';
import type { Certificates, RouteKey } from '../certificates/index.ts';
import type { ConfiguredState } from '../config/index.ts';
import type { Plan } from './change.ts';
import { baseOf, firewallRules, takeConfigured, type Desired, type RouteBase } from './desired.ts';
import { serve, trackBase } from './routes.ts';

export interface ReloadResult {
  readonly generation: number;
  /** Swaps that the new file led to. */
  readonly changes: number;
  /** To be bound now: workers know their routes already. */
  readonly listenersAdded: readonly ListenerSpec[];
  /** No longer in the file; to be unbound. */
  readonly listenersRemoved: readonly string[];
}

/**
 * Reconciles the file's part of the state with a new, checked file (PX-16). What the API changed stays. Only routes that differ
 * are published, so that connections of the others don't notice (PX-17). Certificates are read again, as SIGHUP promises.
 */
export function reload(
  desired: Desired,
  certificates: Certificates,
  configured: ConfiguredState,
  renewed: () => readonly RouteKey[],
): Plan<ReloadResult> {
  let result: ReloadResult = { generation: 0, changes: 0, listenersAdded: [], listenersRemoved: [] };
  return {
    kind: 'plan',
    rows: [],
    compile() {
      const before = picture(desired);
      takeConfigured(desired, configured);
      const after = picture(desired);
      const added = [...after.listeners.values()].filter(({ addr }) => !before.listeners.has(addr));
      const removed = [...before.listeners.keys()].filter((addr) => !after.listeners.has(addr));
      const changes = [
        ...listenerChanges(before, after, removed),
        ...routeChanges(desired, certificates, before, after, removed),
        ...settingChanges(before, after),
      ];
      certificates.reload();
      changes.push(...renewed().flatMap((key) => serve(desired, key, certificates)));
      result = {
        generation: desired.generation,
        changes: changes.length,
        listenersAdded: added,
        listenersRemoved: removed,
      };
      return changes;
    },
    events: [{ kind: 'config', detail: 'the configuration file was reloaded' }],
    answer: () => result,
  };
}

interface Picture {
  readonly listeners: ReadonlyMap<string, ListenerSpec>;
  /** By listener and host name. */
  readonly routes: ReadonlyMap<string, ReadonlyMap<string, RouteBase>>;
  readonly firewall: ReturnType<typeof firewallRules>;
  readonly settings: ConfiguredState['settings'];
}

/** What the state is made of, before certificates; cheap to compare. Holds references, copies no route. */
function picture(desired: Desired): Picture {
  const routes = new Map<string, ReadonlyMap<string, RouteBase>>();
  for (const [listener, { configured }] of desired.listeners) {
    const hostnames = new Set([...configured.keys(), ...(desired.apiRoutes.get(listener)?.keys() ?? [])]);
    const bases = [...hostnames].flatMap((hostname): [string, RouteBase][] => {
      const base = baseOf(desired, { listener, hostname });
      return base ? [[hostname, base]] : [];
    });
    routes.set(listener, new Map(bases));
  }
  return {
    listeners: new Map([...desired.listeners].map(([addr, { spec }]) => [addr, spec])),
    routes,
    firewall: firewallRules(desired),
    settings: desired.configured.settings,
  };
}

function listenerChanges(before: Picture, after: Picture, removed: readonly string[]): SnapshotChange[] {
  const put = [...after.listeners.values()]
    .filter((listener) => !isDeepStrictEqual(listener, before.listeners.get(listener.addr)))
    .map((listener): SnapshotChange => ({ kind: 'listener_put', listener }));
  return [...removed.map((addr): SnapshotChange => ({ kind: 'listener_remove', addr })), ...put];
}

function routeChanges(
  desired: Desired,
  certificates: Certificates,
  before: Picture,
  after: Picture,
  removed: readonly string[],
): SnapshotChange[] {
  for (const listener of removed) {
    for (const hostname of before.routes.get(listener)?.keys() ?? []) certificates.untrack({ listener, hostname });
  }
  return [...after.routes].flatMap(([listener, routes]) => {
    const old = before.routes.get(listener) ?? new Map<string, RouteBase>();
    const hostnames = new Set([...old.keys(), ...routes.keys()]);
    return [...hostnames].flatMap((hostname) => {
      const [was, is] = [old.get(hostname), routes.get(hostname)];
      if (isDeepStrictEqual(was?.spec, is?.spec)) return [];
      trackBase(desired, certificates, { listener, hostname });
      return serve(desired, { listener, hostname }, certificates);
    });
  });
}

function settingChanges(before: Picture, after: Picture): SnapshotChange[] {
  const changes: SnapshotChange[] = [];
  if (!isDeepStrictEqual(before.firewall, after.firewall)) changes.push({ kind: 'firewall', rules: after.firewall });
  if (!isDeepStrictEqual(before.settings, after.settings)) changes.push({ kind: 'settings', settings: after.settings });
  return changes;
}
