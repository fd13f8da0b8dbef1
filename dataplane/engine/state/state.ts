import type { FirewallRuleKind } from '../../firewall/index.ts';
import type { ProxySnapshot, SnapshotChange } from '../../proxy/model.ts';
import { createCertificates, type CertificateView, type ReloadReport, type RouteKey } from '../certificates/index.ts';
import type { ConfiguredState, RouteInput } from '../config/index.ts';
import type { NewEvent } from '../events/index.ts';
import type { Store } from '../store/index.ts';
import { createChanger } from './change.ts';
import { createDesired } from './desired.ts';
import {
  addFirewallRule,
  removeFirewallRule,
  resetRateLimit,
  setRateLimit,
  type AddRuleResult,
  type RemoveRuleResult,
  type SetRateLimitResult,
} from './firewall.ts';
import { resolveListener } from './listeners.ts';
import {
  addPolicy,
  policiesOfRoute,
  removePolicy,
  type AddPolicyResult,
  type PolicyInput,
  type PolicyView,
  type RemovePolicyResult,
} from './policies.ts';
import { reload, type ReloadResult } from './reload.ts';
import { addRoute, removeRoute, serve, trackBase, type AddRouteResult, type RemoveRouteResult } from './routes.ts';
import {
  buildSnapshot,
  firewallView,
  listenerViews,
  routeViews,
  stateWarnings,
  type FirewallView,
  type ListenerView,
  type RouteView,
} from './views.ts';

/**
 * The desired state of the proxy and its one writer. Every change is validated, on disk, and served by all workers before its
 * promise resolves; changes run one after the other in the order of the calls. All reject with errors of proxyErrors.
 */
export interface State extends AsyncDisposable {
  readonly generation: number;
  /** For a worker that starts. Changes after it reach the worker through `publish`, if it is told of them from this turn on. */
  snapshot(): ProxySnapshot;

  /** An idempotent upsert by listener and hostname. `listener` may be empty where one is configured. */
  addRoute(listener: string, route: RouteInput): Promise<AddRouteResult>;
  /** Only of routes that the API added; a route of the file that it hid is served again. */
  removeRoute(listener: string, hostname: string, options?: { readonly kill?: boolean }): Promise<RemoveRouteResult>;
  addFirewallRule(kind: FirewallRuleKind, value: string): Promise<AddRuleResult>;
  removeFirewallRule(kind: FirewallRuleKind, value: string): Promise<RemoveRuleResult>;
  /** `limit` 0: off; `windowMs` 0: as it is. */
  setRateLimit(limit: number, windowMs: number): Promise<SetRateLimitResult>;
  resetRateLimit(): Promise<SetRateLimitResult>;
  addPolicy(policy: PolicyInput): Promise<AddPolicyResult>;
  removePolicy(policy: PolicyInput): Promise<RemovePolicyResult>;
  /** Takes a new, checked configuration file over (SIGHUP). */
  reload(configured: ConfiguredState): Promise<ReloadResult>;
  reloadCertificates(): Promise<ReloadReport>;
  /** One look at the files of all certificates, as the watch does by itself; resolves when what it found is served. */
  checkCertificates(): Promise<void>;

  listeners(): ListenerView[];
  /** `listener` empty: of all. @throws listener_unknown */
  routes(listener?: string): RouteView[];
  firewall(): FirewallView;
  /** Empty fields match all. @throws listener_unknown */
  policies(filter?: { readonly listener?: string; readonly hostname?: string }): PolicyView[];
  certificates(): CertificateView[];
  /** Sentences for `status`. */
  warnings(): string[];
}

export interface StateDeps {
  readonly configured: ConfiguredState;
  readonly store: Store;
  /** Resolves when every worker decides by the changes, which it applies as one. */
  readonly publish: (generation: number, changes: readonly SnapshotChange[]) => Promise<void>;
  readonly report: (event: NewEvent, severity: 'info' | 'error') => void;
  /** A change that nobody waits for (a certificate renewed by itself) failed. */
  readonly failed: (what: string, error: unknown) => void;
  /** The GeoIP database in use, for snapshots. */
  readonly geoip?: () => SharedArrayBuffer | null;
}

export interface StateOptions {
  /** Between two looks at certificate files; 0: only `checkCertificates` looks. */
  readonly certificatePollMs?: number;
  readonly now?: () => number;
}

/** Loads what the API changed before, puts it over the file's state, and compiles all routes. Takes the store over. */
export function createState(deps: StateDeps, options: StateOptions = {}): State {
  const { configured, store, publish, report, failed, geoip = () => null } = deps;
  const stored = store.load();
  const desired = createDesired(configured, stored);
  const changer = createChanger({ desired, store, publish, report: (event) => report(event, 'info') });
  const renewed = new Map<string, RouteKey>();
  let publishing: Promise<void> = Promise.resolve();
  let closing = false;

  const takeRenewed = (): RouteKey[] => {
    const keys = [...renewed.values()];
    renewed.clear();
    return keys;
  };
  /** Routes whose certificate changed by itself; several are published together. */
  const publishRenewed = (): Promise<void> =>
    changer.run<void>(() => {
      if (renewed.size === 0) return { kind: 'none', answer: undefined };
      return {
        kind: 'plan',
        rows: [],
        compile: () => takeRenewed().flatMap((key) => serve(desired, key, certificates)),
        event: null,
        answer: () => undefined,
      };
    });
  const certificates = createCertificates(
    {
      report,
      changed(keys) {
        if (closing) return;
        for (const key of keys) renewed.set(`${key.listener}\n${key.hostname}`, key);
        publishing = publishRenewed().catch((error: unknown) => failed('publishing renewed certificates', error));
      },
    },
    {
      ...(options.certificatePollMs === undefined ? {} : { pollMs: options.certificatePollMs }),
      ...(options.now === undefined ? {} : { now: options.now }),
    },
  );
  for (const [listener, { configured: ofFile }] of desired.listeners) {
    for (const hostname of new Set([...ofFile.keys(), ...(desired.apiRoutes.get(listener)?.keys() ?? [])])) {
      trackBase(desired, certificates, { listener, hostname });
      serve(desired, { listener, hostname }, certificates);
    }
  }

  return {
    get generation() {
      return desired.generation;
    },
    snapshot: () => buildSnapshot(desired, geoip()),
    addRoute: (listener, route) => changer.run(() => addRoute(desired, certificates, listener, route)),
    removeRoute: (listener, hostname, { kill = false } = {}) =>
      changer.run(() => removeRoute(desired, certificates, listener, hostname, kill)),
    addFirewallRule: (kind, value) => changer.run(() => addFirewallRule(desired, kind, value)),
    removeFirewallRule: (kind, value) => changer.run(() => removeFirewallRule(desired, kind, value)),
    setRateLimit: (limit, windowMs) => changer.run(() => setRateLimit(desired, limit, windowMs)),
    resetRateLimit: () => changer.run(() => resetRateLimit(desired)),
    addPolicy: (policy) => changer.run(() => addPolicy(desired, certificates, policy)),
    removePolicy: (policy) => changer.run(() => removePolicy(desired, certificates, policy)),
    reload: (next) => changer.run(() => reload(desired, certificates, next, takeRenewed)),
    async reloadCertificates() {
      const outcome = certificates.reload();
      await publishRenewed();
      return outcome;
    },
    async checkCertificates() {
      await certificates.check();
      await publishing;
    },
    listeners: () => listenerViews(desired),
    routes: (listener = '') =>
      routeViews(desired, listener === '' ? [...desired.listeners.keys()] : [resolveListener(desired, listener)]),
    firewall: () => firewallView(desired),
    policies({ listener = '', hostname = '' } = {}) {
      const names = listener === '' ? [...desired.listeners.keys()] : [resolveListener(desired, listener)];
      return names
        .flatMap((name) => [...(desired.listeners.get(name)?.routes.keys() ?? [])].map((host) => ({ name, host })))
        .filter(({ host }) => hostname === '' || host === hostname)
        .flatMap(({ name, host }) => policiesOfRoute(desired, { listener: name, hostname: host }));
    },
    certificates: () => certificates.list(),
    warnings: () => [...store.warnings, ...stored.warnings, ...stateWarnings(desired, certificates)],
    async [Symbol.asyncDispose]() {
      closing = true;
      const changes = changer[Symbol.asyncDispose]();
      await certificates[Symbol.asyncDispose]();
      await changes;
      store[Symbol.dispose]();
    },
  };
}
