import type { Certificates } from '../certificates/index.ts';
import { proxyErrors } from '../errors.ts';
import type { StoredRevert } from '../store/index.ts';
import { applyApiChanges } from './api-changes.ts';
import type { Validated } from './change.ts';
import type { Desired } from './desired.ts';

/** The change that waits for its confirmation, and the clock that takes it back. */
export interface Confirmation extends Disposable {
  readonly pending: PendingRevert | null;
  /** A change is in effect and on disk together with its way back. One that is overdue is taken back with the next try. */
  hold(revert: StoredRevert): void;
  /** It was confirmed or taken back. */
  release(): void;
}

export interface PendingRevert extends StoredRevert {
  /** Its time is up: it can't be confirmed any more, also while the database refuses to take it back. */
  readonly isOverdue: boolean;
}

export interface ConfirmationDeps {
  /** Takes the change back; rejects when that is not on disk. */
  readonly revert: () => Promise<void>;
  readonly failed: (what: string, error: unknown) => void;
  readonly now: () => number;
}

/** Between two tries to take a change back. */
const RETRY_MS = 2_000;

export function createConfirmation({ revert, failed, now }: ConfirmationDeps): Confirmation {
  let pending: PendingRevert | null = null;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  function wait(delayMs: number): void {
    if (timer) clearTimeout(timer);
    timer = closed ? null : setTimeout(() => void takeBack(), delayMs);
  }

  async function takeBack(): Promise<void> {
    if (!pending) return;
    const overdue = { ...pending, isOverdue: true };
    pending = overdue;
    try {
      await revert();
    } catch (error) {
      failed('taking an unconfirmed change back', error);
    }
    // Still the same: nothing was taken back. It is tried again by whoever runs, this process or its successor.
    if (pending === overdue) wait(RETRY_MS);
  }

  return {
    get pending() {
      return pending;
    },
    hold(stored) {
      const leftMs = stored.deadlineMs - now();
      pending = { ...stored, isOverdue: leftMs <= 0 };
      // A clock that was set back while nobody ran must not make the time longer than it ever was.
      wait(leftMs <= 0 ? RETRY_MS : Math.min(leftMs, stored.withinMs));
    },
    release() {
      pending = null;
      if (timer) clearTimeout(timer);
      timer = null;
    },
    [Symbol.dispose]() {
      closed = true;
      if (timer) clearTimeout(timer);
    },
  };
}

export interface ConfirmResult {
  readonly generation: number;
}

export function confirm(desired: Desired, confirmation: Confirmation): Validated<ConfirmResult> {
  const { pending } = confirmation;
  if (!pending) {
    const message =
      'no change waits for a confirmation: it was confirmed already, or taken back because no confirmation came in time';
    throw proxyErrors.error('nothing_to_confirm', message);
  }
  if (pending.isOverdue) throw proxyErrors.error('nothing_to_confirm', `too late: ${takenBack(pending)}`);
  return {
    kind: 'plan',
    rows: [{ kind: 'revert_remove' }],
    compile() {
      confirmation.release();
      return [];
    },
    events: [{ kind: 'apply', detail: `the change set of generation ${pending.generation} was confirmed` }],
    answer: () => ({ generation: desired.generation }),
  };
}

export function takeBack(desired: Desired, certificates: Certificates, confirmation: Confirmation): Validated<void> {
  const { pending } = confirmation;
  if (!pending) return { kind: 'none', answer: undefined };
  return {
    kind: 'plan',
    rows: [...pending.undo, { kind: 'revert_remove' }],
    compile() {
      confirmation.release();
      return applyApiChanges(desired, certificates, pending.undo);
    },
    events: [{ kind: 'apply', detail: takenBack(pending) }],
    answer: () => undefined,
  };
}

/** @throws confirm_pending for what would change something while a change may still be taken back */
export function refuseWhilePending({ pending }: Confirmation): void {
  if (!pending) return;
  const until = new Date(pending.deadlineMs).toISOString();
  const message = pending.isOverdue
    ? `the change set of generation ${pending.generation} is being taken back; try again`
    : `the change set of generation ${pending.generation} waits for its confirmation until ${until}; confirm it, or try again after it was taken back`;
  throw proxyErrors.error('confirm_pending', message, { revert_at: until, generation: pending.generation });
}

export function takenBack({ generation, deadlineMs }: StoredRevert): string {
  return `the change set of generation ${generation} is taken back: no confirmation came until ${new Date(deadlineMs).toISOString()}`;
}
