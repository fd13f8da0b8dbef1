import type { FirewallRuleKind } from '../../firewall/index.ts';
import type { ProxySnapshot, SnapshotChange } from '../../proxy/model.ts';
import { createCertificates, type CertificateView, type ReloadReport, type RouteKey } from '../certificates/index.ts';
import type { ConfiguredState, RouteInput } from '../config/index.ts';
import type { NewEvent } from '../events/index.ts';
import type { Store, StoredRevert } from '../store/index.ts';
import { applyApiChanges } from './api-changes.ts';
import { createChanger, type Validated } from './change.ts';
import { apply, exportToml, type ApplyInput, type ApplyResult } from './change-set/index.ts';
import {
  confirm,
  createConfirmation,
  refuseWhilePending,
  takeBack,
  takenBack,
  type ConfirmResult,
} from './confirmation.ts';
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
  /** Changes that wait for their turn, the one under way included. */
  readonly waiting: number;
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
  /**
   * Brings all that the API owns to what a change set says, as one change. With `confirmWithinMs` it is taken back unless `confirm`
   * comes in time, also across a restart; until then other changes are refused, and a reload of the file is not.
   */
  apply(input: ApplyInput): Promise<ApplyResult>;
  confirm(): Promise<ConfirmResult>;
  /** The change that waits for `confirm`; null: none does. */
  unconfirmed(): { readonly revertAtMs: number; readonly generation: number } | null;
  /** All that the API owns as a change set, and the generation it is of. */
  export(): { readonly toml: string; readonly generation: number };
  /** Refuses every change from now on: whoever comes after reads what is on disk. */
  close(): void;
  /** Takes a new, checked configuration file over (SIGHUP). */
  reload(configured: ConfiguredState): Promise<ReloadResult>;
  reloadCertificates(): Promise<ReloadReport>;
  /** One look at the files of all certificates, as the watch does by itself; resolves when what it found is served. */
  checkCertificates(): Promise<void>;

  listeners(): ListenerView[];
  /** The listener that a request means; empty where there is one only. @throws listener_ambiguous, listener_unknown */
  resolveListener(listener: string): string;
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
  /** What a snapshot holds beside the desired state. */
  readonly observed?: () => Pick<ProxySnapshot, 'geoip' | 'backendsDown'>;
}

export interface StateOptions {
  /** Between two looks at certificate files; 0: only `checkCertificates` looks. */
  readonly certificatePollMs?: number;
  readonly now?: () => number;
}

const nothingObserved = () => ({ geoip: null, backendsDown: [] });

/** Loads what the API changed before, puts it over the file's state, and compiles all routes. Takes the store over. */
export function createState(deps: StateDeps, options: StateOptions = {}): State {
  const { configured, store, publish, report, failed, observed = nothingObserved } = deps;
  const stored = store.load();
  const desired = createDesired(configured, stored);
  const changer = createChanger({ desired, store, publish, report: (event) => report(event, 'info') });
  const now = options.now ?? Date.now;
  const confirmation = createConfirmation({
    now,
    failed,
    revert: () => changer.run(() => takeBack(desired, certificates, confirmation)),
  });
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
        events: [],
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

  if (stored.revert) {
    if (now() < stored.revert.deadlineMs) confirmation.hold(stored.revert);
    else takeBackAtStart(stored.revert);
  }

  /** Before anything is served; when the database refuses, what is served is right all the same and the database follows. */
  function takeBackAtStart(revert: StoredRevert): void {
    try {
      store.commit([...revert.undo, { kind: 'revert_remove' }], desired.generation + 1);
      desired.generation++;
      report({ kind: 'apply', detail: takenBack(revert) }, 'info');
    } catch (error) {
      failed('taking an unconfirmed change back', error);
      confirmation.hold(revert);
    }
    applyApiChanges(desired, certificates, revert.undo);
  }

  /** A change of the API; one that would change nothing is answered as ever while another waits for its confirmation. */
  function change<T>(validate: () => Validated<T>): Promise<T> {
    return changer.run(() => {
      const validated = validate();
      if (validated.kind === 'plan') refuseWhilePending(confirmation);
      return validated;
    });
  }

  return {
    get generation() {
      return desired.generation;
    },
    get waiting() {
      return changer.waiting;
    },
    snapshot: () => buildSnapshot(desired, observed()),
    addRoute: (listener, route) => change(() => addRoute(desired, certificates, listener, route)),
    removeRoute: (listener, hostname, { kill = false } = {}) =>
      change(() => removeRoute(desired, certificates, listener, hostname, kill)),
    addFirewallRule: (kind, value) => change(() => addFirewallRule(desired, certificates, kind, value)),
    removeFirewallRule: (kind, value) => change(() => removeFirewallRule(desired, certificates, kind, value)),
    setRateLimit: (limit, windowMs) => change(() => setRateLimit(desired, certificates, limit, windowMs)),
    resetRateLimit: () => change(() => resetRateLimit(desired, certificates)),
    addPolicy: (policy) => change(() => addPolicy(desired, certificates, policy)),
    removePolicy: (policy) => change(() => removePolicy(desired, certificates, policy)),
    apply: (input) => change(() => apply({ desired, certificates, confirmation, now }, input)),
    confirm: () => changer.run(() => confirm(desired, confirmation)),
    unconfirmed() {
      const { pending } = confirmation;
      return pending && { revertAtMs: pending.deadlineMs, generation: pending.generation };
    },
    export: () => ({ toml: exportToml(desired), generation: desired.generation }),
    close: () => changer.close(),
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
    resolveListener: (listener) => resolveListener(desired, listener),
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
      confirmation[Symbol.dispose]();
      const changes = changer[Symbol.asyncDispose]();
      await certificates[Symbol.asyncDispose]();
      await changes;
      store[Symbol.dispose]();
    },
  };
}
