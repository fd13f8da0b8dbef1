import type { Writer } from '../../../mcdsl/database/index.ts';
import { appendFailure, type AuditDetails } from '../audit/index.ts';
import { refusal, refusalOf } from '../errors.ts';
import { reasons, type Reason } from '../reasons.ts';
import type { Store } from '../store/index.ts';
import type { AddressBuckets, SoftLocks } from '../throttle/index.ts';
import type { Origin } from './attempt.ts';

export interface GatekeeperOptions {
  readonly store: Store;
  readonly softLocks: SoftLocks;
  readonly buckets: AddressBuckets;
  /** Milliseconds since the epoch. A login waits for its hash, so the time is asked again and again. */
  readonly clock: () => number;
}

/** Who may try, and what becomes of those who fail: counted, audited, refused. */
export interface Gatekeeper {
  /** @throws rate_limited */
  admitAddress(origin: Origin): void;
  /** @throws account_locked, with the time to wait */
  admitName(name: string, origin: Origin): void;
  /** Counts a failure of the name in the same transaction as its audit entry, and returns the refusal to throw. */
  failed(name: string, reason: Reason, origin: Origin, more?: (writer: Writer) => void): Error;
  /** Records a refusal that counts nothing, where its reason is an audited one. */
  note(writer: Writer, name: string, reason: Reason, origin: Origin, details?: AuditDetails): void;
  /** Runs what throws refusals of its own, and records them. */
  recorded<T>(name: string, origin: Origin, work: Promise<T>, more?: (writer: Writer) => void): Promise<T>;
}

export function createGatekeeper({ store, softLocks, buckets, clock }: GatekeeperOptions): Gatekeeper {
  function note(writer: Writer, name: string, reason: Reason, origin: Origin, details: AuditDetails = {}): void {
    if (!reasons[reason].audited) return;
    const { ip, requestId, service } = origin;
    const entry = { actor: '', actorKind: 'anonymous', ip, requestId, event: 'login.refused', target: name } as const;
    appendFailure(writer, { ...entry, service, reason, details }, clock());
  }

  return {
    admitAddress({ ip }) {
      const answer = buckets.take(ip, clock());
      if (answer.kind === 'taken') return;
      throw refusal('rate_limited', 'rate_limited', {
        message: 'too many tries from this address; wait a little',
        retryAfterSeconds: seconds(answer.retryAfterMs),
      });
    },

    admitName(name, origin) {
      const answer = softLocks.check(store.reader, name, clock());
      if (answer.kind === 'open') return;
      store.change((writer) => note(writer, name, 'account_locked', origin));
      throw refusal('account_locked', 'account_locked', {
        message: 'too many wrong tries for this name; wait, or log in with a passkey',
        retryAfterSeconds: seconds(answer.retryAfterMs),
      });
    },

    failed(name, reason, origin, more) {
      store.change((writer) => {
        softLocks.fail(writer, name, clock());
        more?.(writer);
        note(writer, name, reason, origin);
      });
      return refusal('invalid_credentials', reason);
    },

    note,

    async recorded(name, origin, work, more) {
      try {
        return await work;
      } catch (error) {
        const reason = refusalOf(error)?.reason;
        if (reason !== undefined) {
          store.change((writer) => {
            more?.(writer);
            note(writer, name, reason, origin);
          });
        }
        throw error;
      }
    },
  };
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
