import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import { findAccountById, type Account } from '../accounts/index.ts';
import { refusal } from '../errors.ts';
import { readWays, secondFactorMethods } from '../factors/index.ts';
import { amrOf, type CodeProof, type Method, type Origin, type PasskeyResponse } from './attempt.ts';
import { createGatekeeper } from './gatekeeper.ts';
import type { LoginOptions } from './login.ts';
import { createSecondFactors } from './second-factor.ts';

/** The live session that is to be stepped up. */
export interface SteppingSession {
  readonly id: string;
  readonly accountId: string;
}

/** Proofs of somebody who is logged in already, before an operation that asks for a fresh one. Returns what the session's amr becomes. */
export interface StepUp {
  /** @throws busy */
  beginPasskey(session: SteppingSession): {
    readonly ticket: string;
    readonly publicKey: PublicKeyCredentialRequestOptionsJSON;
  };
  /**
   * With a second factor enrolled, its code is needed too.
   * @throws rate_limited, account_locked, busy, invalid_credentials; mfa_required with the methods
   */
  password(
    session: SteppingSession,
    password: string,
    code: CodeProof | null,
    origin: Origin,
  ): Promise<readonly Method[]>;
  /** @throws rate_limited, invalid_credentials */
  passkey(session: SteppingSession, response: PasskeyResponse, origin: Origin): Promise<readonly Method[]>;
}

export function createStepUp(options: LoginOptions): StepUp {
  const { store, passwords, passkeys, clock } = options;
  const gatekeeper = createGatekeeper(options);
  const secondFactors = createSecondFactors(options, gatekeeper);

  function accountOf(session: SteppingSession): Account {
    const account = findAccountById(store.reader, session.accountId);
    if (account?.status === 'enabled') return account;
    throw refusal('invalid_credentials', 'account_disabled');
  }

  return {
    beginPasskey: ({ id: sessionId, accountId }) =>
      store.change((writer) => passkeys.begin(writer, { kind: 'step_up', accountId, sessionId }, clock())),

    async password(session, password, code, origin) {
      gatekeeper.admitAddress(origin);
      const { name } = accountOf(session);
      const admit = (): void => gatekeeper.admitName(name, origin);
      admit();
      await passwords.verify(session.accountId, password, {
        admit,
        mismatch: () => {
          throw gatekeeper.failed(name, 'wrong_password', origin);
        },
      });
      const account = accountOf(session);
      const methods = secondFactorMethods(readWays(store.reader, account.id));
      if (methods.length === 0) return amrOf.password;
      if (code === null) throw refusal('mfa_required', 'step_up', { details: { methods } });
      secondFactors.code(account, code, origin);
      return amrOf.passwordAndCode;
    },

    async passkey(session, { ticket, response }, origin) {
      gatekeeper.admitAddress(origin);
      const { id: sessionId, accountId } = session;
      const { name } = accountOf(session);
      const verifying = passkeys.verify({ kind: 'step_up', accountId, sessionId }, ticket, response, clock());
      const proof = await gatekeeper.recorded(name, origin, verifying);
      secondFactors.passkey(accountOf(session), proof, origin);
      return amrOf.passkey;
    },
  };
}
