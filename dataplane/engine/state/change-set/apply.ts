import type { Certificates } from '../../certificates/index.ts';
import type { NewEvent } from '../../events/index.ts';
import type { ApiChange, StoreChange, StoredRevert } from '../../store/index.ts';
import { applyApiChanges } from '../api-changes.ts';
import { apiStateOf, changesBetween } from '../api-state.ts';
import type { Validated } from '../change.ts';
import type { Confirmation } from '../confirmation.ts';
import type { Desired } from '../desired.ts';
import { differenceOf, eventOf, type Difference } from './differences.ts';
import { readChangeSet, type ChangeSetText } from './read.ts';

export interface ApplyInput extends ChangeSetText {
  readonly dryRun: boolean;
  /** 0: the change stays without a confirmation. */
  readonly confirmWithinMs: number;
}

export interface ApplyResult {
  /** The first of them; `total` counts all. */
  readonly differences: readonly Difference[];
  readonly total: number;
  /** False in a dry run, and where there was no difference. */
  readonly changed: boolean;
  readonly generation: number;
  /** When it is taken back unless it is confirmed; null: it stays. Milliseconds since the epoch. */
  readonly revertAtMs: number | null;
  readonly warnings: readonly string[];
}

export interface ApplyDeps {
  readonly desired: Desired;
  readonly certificates: Certificates;
  readonly confirmation: Confirmation;
  readonly now: () => number;
}

/** That an answer names. */
const MAX_DIFFERENCES = 10_000;
/** That are told one by one; a large change must not push everything else out of the event log. */
const MAX_EVENTS = 100;

/**
 * Brings all that the API owns to what the text says, as one change. With `confirmWithinMs` the way back is written in the same
 * transaction, so that nothing can come between.
 */
export function apply(
  { desired, certificates, confirmation, now }: ApplyDeps,
  input: ApplyInput,
): Validated<ApplyResult> {
  const { wanted, warnings } = readChangeSet(desired, certificates, input);
  const before = apiStateOf(desired);
  const changes = changesBetween(before, wanted);
  const differences = changes.slice(0, MAX_DIFFERENCES).map((change) => differenceOf(desired, change));
  const common = { differences, total: changes.length, warnings };
  if (input.dryRun || changes.length === 0) {
    const answer = { ...common, changed: false, generation: desired.generation, revertAtMs: null };
    return { kind: 'none', answer };
  }
  const revert: StoredRevert | null =
    input.confirmWithinMs === 0
      ? null
      : {
          generation: desired.generation + 1,
          deadlineMs: now() + input.confirmWithinMs,
          withinMs: input.confirmWithinMs,
          undo: changesBetween(wanted, before),
        };
  return {
    kind: 'plan',
    rows: withRevert(changes, revert),
    compile() {
      if (revert) confirmation.hold(revert);
      return applyApiChanges(desired, certificates, changes, wanted.prepared);
    },
    events: [...events(differences, 'by the API in a change set'), summary(changes.length, revert)],
    answer: () => ({
      ...common,
      changed: true,
      generation: desired.generation,
      revertAtMs: revert?.deadlineMs ?? null,
    }),
  };
}

function withRevert(changes: readonly ApiChange[], revert: StoredRevert | null): readonly StoreChange[] {
  return revert ? [...changes, { kind: 'revert_put', revert }] : changes;
}

function events(differences: readonly Difference[], by: string): NewEvent[] {
  return differences.slice(0, MAX_EVENTS).map((difference) => eventOf(difference, by));
}

function summary(changes: number, revert: StoredRevert | null): NewEvent {
  const until = revert && new Date(revert.deadlineMs).toISOString();
  const detail = `${changes} changes of one change set${until ? `, to be confirmed until ${until}` : ''}`;
  return { kind: 'apply', detail };
}
