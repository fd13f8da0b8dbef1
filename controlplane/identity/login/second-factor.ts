import type { Writer } from '../../../mcdsl/database/index.ts';
import type { Account } from '../accounts/index.ts';
import { appendAudit } from '../audit/index.ts';
import { refusal } from '../errors.ts';
import type { PasskeyAuthentication, PasskeyProof, RecoveryCodes, TotpFactors } from '../factors/index.ts';
import type { Reason } from '../reasons.ts';
import type { Store } from '../store/index.ts';
import type { SoftLocks } from '../throttle/index.ts';
import type { CodeProof, Origin } from './attempt.ts';
import type { Gatekeeper } from './gatekeeper.ts';

export interface SecondFactorOptions {
  readonly store: Store;
  readonly totp: TotpFactors;
  readonly recovery: RecoveryCodes;
  readonly passkeys: PasskeyAuthentication;
  readonly softLocks: SoftLocks;
  readonly clock: () => number;
}

/** What else belongs into the transaction: the ticket that is taken, or that loses a try. */
export interface AlongWith {
  accepted?(writer: Writer): void;
  refused?(writer: Writer): void;
}

/** Uses a second factor up, in one transaction with its counts, ticket and audit entry. */
export interface SecondFactors {
  /** @throws invalid_credentials, counted; account_locked while the code's step is locked, not counted */
  code(account: Account, proof: CodeProof, origin: Origin, along?: AlongWith): void;
  /** @throws invalid_credentials, when the counter went backwards: the passkey is suspended then */
  passkey(account: Account, proof: PasskeyProof, origin: Origin, along?: AlongWith): void;
}

export function createSecondFactors(options: SecondFactorOptions, gatekeeper: Gatekeeper): SecondFactors {
  const { store, totp, recovery, passkeys, softLocks, clock } = options;

  function tryCode(writer: Writer, account: Account, proof: CodeProof, origin: Origin): Refused | null {
    const now = clock();
    if (proof.kind === 'recovery') {
      const answer = recovery.use(writer, account.id, proof.code, now);
      if (answer.kind === 'refused') return { reason: answer.reason, retryAfterMs: null };
      audit(writer, account, 'recovery_codes.used', origin, { left: answer.left });
      return null;
    }
    const answer = totp.verify(writer, account.id, proof.code, now);
    switch (answer.kind) {
      case 'accepted':
        return null;
      case 'refused':
        return { reason: answer.reason, retryAfterMs: null };
      case 'locked':
        return { reason: 'totp_locked', retryAfterMs: answer.retryAfterMs };
      default:
        return answer satisfies never;
    }
  }

  function audit(
    writer: Writer,
    account: Account,
    event: 'recovery_codes.used' | 'passkey.suspended',
    { ip, requestId, service }: Origin,
    details: Record<string, number | string>,
  ): void {
    const source = { actor: account.name, actorKind: account.type, ip, requestId, service };
    appendAudit(writer, { ...source, event, target: account.name, reason: '', details }, clock());
  }

  return {
    code(account, proof, origin, along = {}) {
      // A refusal is thrown after the transaction, so that what it counted stays.
      const refused = store.change((writer) => {
        const refused = tryCode(writer, account, proof, origin);
        if (refused === null) {
          along.accepted?.(writer);
          return null;
        }
        if (refused.retryAfterMs === null) {
          softLocks.fail(writer, account.name, clock());
          along.refused?.(writer);
        }
        gatekeeper.note(writer, account.name, refused.reason, origin);
        return refused;
      });
      if (refused !== null) throw toError(refused);
    },

    passkey(account, proof, origin, along = {}) {
      const error = store.change((writer) => {
        const answer = passkeys.accept(writer, proof, clock());
        if (answer.kind === 'accepted') {
          along.accepted?.(writer);
          return null;
        }
        along.refused?.(writer);
        if (answer.reason === 'counter_regression') {
          audit(writer, account, 'passkey.suspended', origin, { passkey: proof.passkeyId });
        }
        gatekeeper.note(writer, account.name, answer.reason, origin);
        return refusal('invalid_credentials', answer.reason);
      });
      if (error !== null) throw error;
    },
  };
}

/** `retryAfterMs` is set where the code was not looked at, which counts nothing. */
interface Refused {
  readonly reason: Reason;
  readonly retryAfterMs: number | null;
}

function toError({ reason, retryAfterMs }: Refused): Error {
  if (retryAfterMs === null) return refusal('invalid_credentials', reason);
  const message = 'too many wrong codes; wait for the next one';
  return refusal('account_locked', reason, { message, retryAfterSeconds: Math.ceil(retryAfterMs / 1000) });
}
