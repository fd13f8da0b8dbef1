import { checkIdOf } from '../backends/index.ts';
import type { ListenerSnapshot, Route, SnapshotChange } from '../model.ts';
import { createChecks, type Check } from './check.ts';

/** The health of the backends of all routes that have it checked. One for the process; workers are told what it found. */
export interface HealthMonitor extends Disposable {
  /** Keeps up with what is served; other changes than those of routes and listeners are of no interest. */
  follow(change: SnapshotChange): void;
  /** Ids of the backends that fail their checks, for workers. */
  readonly down: readonly string[];
  /** Checked backends of all routes. */
  backends(): CheckedBackend[];
  /** Checks that are due and wait for others to end. */
  readonly waiting: number;
  /** Checks that ended, since the start. */
  readonly passed: number;
  readonly failed: number;
  /** Ends all checks for good; the last verdicts stay. */
  stop(): void;
}

export interface CheckedBackend {
  readonly listener: string;
  readonly route: string;
  readonly backend: string;
  readonly isUp: boolean;
  /** Why the last check failed; empty when it passed. */
  readonly problem: string;
  /** When the verdict last changed, or the checks began. Milliseconds since the epoch. */
  readonly since: number;
}

export interface HealthMonitorDeps {
  /** The set of `down` is another one. Called once for all verdicts of one turn. */
  readonly publish: (down: readonly string[]) => void;
  /** A verdict changed; `routes` of them share the backend, among them the one that is named. */
  readonly report: (backend: CheckedBackend, routes: number) => void;
}

/** A route that is followed; the ids of its checks with the backend of each. */
interface Followed {
  readonly listener: string;
  readonly route: Route;
  readonly backends: ReadonlyMap<string, string>;
}

export function createHealthMonitor(
  listeners: readonly ListenerSnapshot[],
  { publish, report }: HealthMonitorDeps,
): HealthMonitor {
  /** By listener, then host name. */
  const followed = new Map<string, Map<string, Followed>>();
  const users = new Map<string, Set<Followed>>();
  let down: readonly string[] = [];
  let publishing = false;
  let stopped = false;
  const checks = createChecks((check) => {
    const sharing = users.get(check.id);
    const [first] = sharing ?? [];
    if (first) report(viewOf(first, check), sharing?.size ?? 0);
    publishSoon();
  });

  function publishSoon(): void {
    if (publishing) return;
    publishing = true;
    setImmediate(() => {
      publishing = false;
      if (stopped) return;
      down = [...checks.values()].filter(({ verdict }) => !verdict.isUp).map(({ id }) => id);
      publish(down);
    });
  }

  function put(listener: string, route: Route): void {
    const before = followed.get(listener)?.get(route.hostname);
    const backends = new Map<string, string>();
    for (const backend of route.backends) {
      const id = checkIdOf(route, backend);
      if (id !== null) backends.set(id, backend);
    }
    if (backends.size === 0) return remove(before);
    const next: Followed = { listener, route, backends };
    for (const [id, backend] of backends) {
      users.set(id, (users.get(id) ?? new Set()).add(next));
      if (!checks.get(id)) checks.start(id, backend, route);
    }
    // After the new one has its hold, so that checks that stay go on.
    remove(before);
    const routes = followed.get(listener) ?? new Map<string, Followed>();
    followed.set(listener, routes.set(route.hostname, next));
  }

  function remove(gone: Followed | undefined): void {
    if (!gone) return;
    followed.get(gone.listener)?.delete(gone.route.hostname);
    for (const id of gone.backends.keys()) {
      const sharing = users.get(id);
      sharing?.delete(gone);
      if (sharing?.size !== 0) continue;
      users.delete(id);
      const wasUp = checks.get(id)?.verdict.isUp ?? true;
      checks.stop(id);
      if (!wasUp) publishSoon();
    }
  }

  for (const { addr, routes } of listeners) for (const route of routes) put(addr, route);

  return {
    get down() {
      return down;
    },
    follow(change) {
      if (stopped) return;
      if (change.kind === 'route_put') put(change.listener, change.route);
      else if (change.kind === 'route_remove') remove(followed.get(change.listener)?.get(change.hostname));
      else if (change.kind === 'listener_remove') {
        for (const gone of followed.get(change.addr)?.values() ?? []) remove(gone);
        followed.delete(change.addr);
      }
    },
    backends() {
      return [...followed.values()].flatMap((routes) =>
        [...routes.values()].flatMap((one) =>
          [...one.backends.keys()].flatMap((id) => {
            const check = checks.get(id);
            return check ? [viewOf(one, check)] : [];
          }),
        ),
      );
    },
    get waiting() {
      return checks.waiting;
    },
    get passed() {
      return checks.passed;
    },
    get failed() {
      return checks.failed;
    },
    stop,
    [Symbol.dispose]: stop,
  };

  function stop(): void {
    stopped = true;
    checks[Symbol.dispose]();
  }
}

function viewOf({ listener, route }: Followed, { backend, verdict, problem, since }: Check): CheckedBackend {
  return { listener, route: route.hostname, backend, isUp: verdict.isUp, problem, since };
}
