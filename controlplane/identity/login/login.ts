import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import type { Writer } from '../../../mcdsl/database/index.ts';
import {
  findAccountById,
  findAccountByName,
  nameRule,
  noteLogin,
  parseAccountName,
  type Account,
} from '../accounts/index.ts';
import { appendAudit } from '../audit/index.ts';
import { refusal } from '../errors.ts';
import { completeMfa, failMfa, readMfa, readWays, secondFactorMethods, type PasskeyPurpose } from '../factors/index.ts';
import type { Sealer } from '../keys/index.ts';
import type { Passwords } from '../passwords/index.ts';
import type { Reason } from '../reasons.ts';
import { issueTicket } from '../tickets/index.ts';
import {
  amrOf,
  type CodeProof,
  type Origin,
  type PasskeyResponse,
  type PasswordAttempt,
  type SecondFactorMissing,
  type Verified,
} from './attempt.ts';
import { createGatekeeper, type GatekeeperOptions } from './gatekeeper.ts';
import { createSecondFactors, type SecondFactorOptions } from './second-factor.ts';

export interface LoginOptions extends GatekeeperOptions, SecondFactorOptions {
  readonly sealer: Sealer;
  readonly passwords: Passwords;
  /** How long a login waits for its second factor. */
  readonly mfaTtlMs: () => number;
}

/** A login that waited, with what was remembered of it. */
export interface Resumed extends Verified {
  readonly login: unknown;
}

/**
 * Whether somebody is who they say, up to where a session begins. Each refusal is counted, audited and answered here; whether
 * policy lets a verified account in is asked after it, so that policy cannot be probed without credentials.
 *
 * ```
 * password:  address → name → soft lock → one hash (soft lock again) → second factor, or ask for it
 * passkey:   address → challenge, signature → counter                             no soft lock: it never blocks a passkey
 * ```
 */
export interface Login {
  /** @throws rate_limited, invalid_argument, account_locked, busy, invalid_credentials */
  password(attempt: PasswordAttempt, origin: Origin): Promise<Verified | SecondFactorMissing>;
  /** A ticket for the second factor. `login` is what goes on when it has come; JSON, remembered sealed. */
  wait(writer: Writer, account: Account, login: unknown): { readonly ticket: string; readonly expiresAt: number };
  /** The challenge for a passkey as the second factor of that ticket. @throws invalid_credentials */
  beginSecondPasskey(mfaTicket: string): PublicKeyCredentialRequestOptionsJSON;
  /** @throws rate_limited, account_locked, invalid_credentials */
  secondFactor(mfaTicket: string, proof: CodeProof | PasskeyResponse, origin: Origin): Promise<Resumed>;
  /** A challenge for a login by passkey alone. @throws rate_limited, busy */
  beginPasskey(origin: Origin): { readonly ticket: string; readonly publicKey: PublicKeyCredentialRequestOptionsJSON };
  /** @throws rate_limited, invalid_credentials */
  passkey(response: PasskeyResponse, origin: Origin): Promise<Verified>;
  /** In the transaction in which the session begins: failures are forgotten and the login is noted. */
  complete(writer: Writer, account: Account): void;
}

export function createLogin(options: LoginOptions): Login {
  const { store, sealer, passwords, passkeys, softLocks, clock, mfaTtlMs } = options;
  const gatekeeper = createGatekeeper(options);
  const secondFactors = createSecondFactors(options, gatekeeper);

  /** The account as it is now: it may have been disabled while its owner typed, or while the hash ran. */
  function stillEnabled(id: string, origin: Origin): Account {
    const account = findAccountById(store.reader, id);
    if (account !== null && account.status === 'enabled' && account.type === 'human') return account;
    store.change((writer) => gatekeeper.note(writer, account?.name ?? '', 'account_disabled', origin));
    throw refusal('invalid_credentials', 'account_disabled');
  }

  function hindranceOf(account: Account | null): Reason | null {
    if (account === null) return 'unknown_account';
    if (account.type === 'system') return 'system_login';
    if (account.status !== 'enabled') return 'account_disabled';
    return passwords.has(store.reader, account.id) ? null : 'no_password';
  }

  function begin(purpose: PasskeyPurpose): ReturnType<Login['beginPasskey']> {
    return store.change((writer) => passkeys.begin(writer, purpose, clock()));
  }

  return {
    async password({ username, password, secondFactor }, origin) {
      gatekeeper.admitAddress(origin);
      const name = parseAccountName(username);
      if (name === null) {
        throw refusal('invalid_argument', 'bad_name', { message: nameRule, details: { field: 'username' } });
      }
      gatekeeper.admitName(name, origin);
      const found = findAccountByName(store.reader, name);
      const hindrance = hindranceOf(found);
      const accountId = hindrance === null && found !== null ? found.id : null;
      await passwords.verify(accountId, password, {
        admit: () => gatekeeper.admitName(name, origin),
        mismatch: () => {
          throw gatekeeper.failed(name, hindrance ?? 'wrong_password', origin);
        },
        rehashed: (writer) => auditRehash(writer, name, origin, clock()),
      });
      // Whoever cannot log in mismatches always: from here on there is an account.
      const account = stillEnabled(accountId ?? '', origin);
      const methods = secondFactorMethods(readWays(store.reader, account.id));
      if (methods.length === 0) return { kind: 'verified', account, amr: amrOf.password };
      if (secondFactor === null) return { kind: 'second_factor_missing', account, methods };
      secondFactors.code(account, secondFactor, origin);
      return { kind: 'verified', account, amr: amrOf.passwordAndCode };
    },

    wait: (writer, account, login) =>
      issueTicket(
        writer,
        sealer,
        { kind: 'mfa', accountId: account.id, sessionId: null, data: login, lifetimeMs: mfaTtlMs() },
        clock(),
      ),

    beginSecondPasskey(mfaTicket) {
      const { accountId } = readMfa(store.reader, sealer, mfaTicket, clock());
      return begin({ kind: 'second_factor', accountId, mfaTicket }).publicKey;
    },

    async secondFactor(mfaTicket, proof, origin) {
      gatekeeper.admitAddress(origin);
      const read = async () => readMfa(store.reader, sealer, mfaTicket, clock());
      const { accountId, login } = await gatekeeper.recorded('', origin, read());
      const account = stillEnabled(accountId, origin);
      const along = {
        accepted: (writer: Writer) => void completeMfa(writer, sealer, mfaTicket, clock()),
        refused: (writer: Writer) => failMfa(writer, mfaTicket),
      };
      if (proof.kind !== 'passkey') {
        secondFactors.code(account, proof, origin, along);
        return { kind: 'verified', account, amr: amrOf.passwordAndCode, login };
      }
      const purpose = { kind: 'second_factor', accountId, mfaTicket } as const;
      const verifying = passkeys.verify(purpose, proof.ticket, proof.response, clock());
      const verified = await gatekeeper.recorded(account.name, origin, verifying, along.refused);
      secondFactors.passkey(account, verified, origin, along);
      return { kind: 'verified', account, amr: amrOf.passwordAndPasskey, login };
    },

    beginPasskey(origin) {
      gatekeeper.admitAddress(origin);
      return begin({ kind: 'login' });
    },

    async passkey({ ticket, response }, origin) {
      gatekeeper.admitAddress(origin);
      const verifying = passkeys.verify({ kind: 'login' }, ticket, response, clock());
      const proof = await gatekeeper.recorded('', origin, verifying);
      const account = stillEnabled(proof.accountId, origin);
      secondFactors.passkey(account, proof, origin);
      return { kind: 'verified', account, amr: amrOf.passkey };
    },

    complete(writer, account) {
      softLocks.reset(writer, account.name);
      noteLogin(writer, account.id, clock());
    },
  };
}

function auditRehash(writer: Writer, name: string, { ip, requestId, service }: Origin, now: number): void {
  const source = { actor: name, actorKind: 'human', ip, requestId, service } as const;
  appendAudit(writer, { ...source, event: 'password.rehashed', target: name, reason: '', details: {} }, now);
}
