import { messageOf } from '../../../mcdsl/errors/index.ts';
import type { SnapshotChange } from '../../proxy/model.ts';
import { proxyErrors } from '../errors.ts';
import type { NewEvent } from '../events/index.ts';
import type { Store, StoreChange } from '../store/index.ts';
import type { Desired } from './desired.ts';

/**
 * The life of a change, here and nowhere else:
 *
 *   change: admin RPC → validate → persist → compile snapshot → swap
 *
 * Changes run one after the other. What fails before or at `persist` changed nothing.
 */
export interface Plan<T> {
  readonly kind: 'plan';
  /** To be on disk before anything else happens; none for a change that a restart brings back by itself. */
  readonly rows: readonly StoreChange[];
  /** Brings the desired state in memory up to date; must not fail. Returns what workers are told; nothing: no swap. */
  readonly compile: () => readonly SnapshotChange[];
  /** Reported once the change is on disk. */
  readonly events: readonly NewEvent[];
  readonly answer: () => T;
}

/** What was asked for is so already. */
export interface NoChange<T> {
  readonly kind: 'none';
  readonly answer: T;
}

export type Validated<T> = Plan<T> | NoChange<T>;

export interface Changer extends AsyncDisposable {
  /** @throws the errors of `validate`, database_*, not_confirmed, resource_exhausted, draining */
  run<T>(validate: () => Validated<T>): Promise<T>;
  /** Refuses changes from now on. */
  close(): void;
  /** Changes that wait for their turn, the one under way included. */
  readonly waiting: number;
}

export interface ChangerDeps {
  readonly desired: Desired;
  readonly store: Pick<Store, 'commit'>;
  /** Resolves when every worker decides by the changes. */
  readonly publish: (generation: number, changes: readonly SnapshotChange[]) => Promise<void>;
  readonly report: (event: NewEvent) => void;
}

/** Changes that wait for their turn; more are refused, so that a stuck worker can't fill the memory with requests. */
const MAX_WAITING = 1_000;

export function createChanger(deps: ChangerDeps): Changer {
  const { desired, store, publish, report } = deps;
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let closed = false;

  async function change<T>(validate: () => Validated<T>): Promise<T> {
    const plan = validate();
    if (plan.kind === 'none') return plan.answer;
    persist(plan);
    const changes = compile(plan);
    await swap(changes);
    return plan.answer();
  }

  function persist(plan: Plan<unknown>): void {
    if (plan.rows.length > 0) store.commit(plan.rows, desired.generation + 1);
  }

  function compile(plan: Plan<unknown>): readonly SnapshotChange[] {
    desired.generation++;
    const changes = plan.compile();
    for (const event of plan.events) report(event);
    return changes;
  }

  async function swap(changes: readonly SnapshotChange[]): Promise<void> {
    if (changes.length === 0) return;
    try {
      await publish(desired.generation, changes);
    } catch (cause) {
      const reason = messageOf(cause);
      const message = `the change is saved, but not every worker confirmed it (${reason}); see the log, and repeat it`;
      throw proxyErrors.error('not_confirmed', message, {}, { cause });
    }
  }

  return {
    get waiting() {
      return waiting;
    },
    close() {
      closed = true;
    },
    run<T>(validate: () => Validated<T>): Promise<T> {
      if (closed)
        return Promise.reject(proxyErrors.error('draining', 'mc-proxy is shutting down; nothing was changed'));
      if (waiting >= MAX_WAITING) {
        const message = `${MAX_WAITING} changes are waiting already; nothing was changed, try again`;
        return Promise.reject(proxyErrors.error('resource_exhausted', message));
      }
      waiting++;
      const result = last.then(() => change(validate)).finally(() => waiting--);
      last = result.catch(() => null);
      return result;
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await last;
    },
  };
}
