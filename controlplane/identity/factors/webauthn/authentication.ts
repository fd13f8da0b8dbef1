import { type PublicKeyCredentialRequestOptionsJSON, verifyAuthenticationResponse } from '@simplewebauthn/server';
import { z } from 'zod';
import { messageOf } from '../../../../mcdsl/errors/index.ts';
import type { Writer } from '../../../../mcdsl/database/index.ts';
import { hashSecret } from '../../../../mcdsl/secrets/index.ts';
import { refusal } from '../../errors.ts';
import { issueTicket, takeTicket } from '../../tickets/index.ts';
import { findPasskey, type StoredPasskey, usablePasskeys } from './passkeys.ts';
import type { PasskeyOptions } from './registration.ts';
import { passkeyAlgorithms, type RelyingParty } from './relying-party.ts';
import { checkAuthenticatorData, checkClientData, parseAuthentication } from './response.ts';
import { userHandleOf } from './user-handle.ts';

/** What a passkey is asked for. A challenge made for one of them serves no other. */
export type PasskeyPurpose =
  | { readonly kind: 'login' }
  | { readonly kind: 'second_factor'; readonly accountId: string; readonly mfaTicket: string }
  | { readonly kind: 'step_up'; readonly accountId: string; readonly sessionId: string };

/** A verified response whose counter is not looked at yet: that happens in the login's own transaction. */
export interface PasskeyProof {
  readonly passkeyId: string;
  readonly accountId: string;
  readonly counter: number;
  readonly backedUp: boolean;
}

export type PasskeyAnswer =
  | { readonly kind: 'accepted'; readonly accountId: string }
  | { readonly kind: 'refused'; readonly reason: 'counter_regression' | 'passkey_suspended' };

export interface PasskeyAuthentication {
  /**
   * A challenge. For a login it names no passkeys, so that nobody learns which accounts exist: they are discoverable.
   * @throws busy
   */
  begin(
    writer: Writer,
    purpose: PasskeyPurpose,
    now: number,
  ): { readonly ticket: string; readonly publicKey: PublicKeyCredentialRequestOptionsJSON };
  /**
   * Consumes the challenge, whatever comes of it, then verifies: purpose, passkey, owner, origin, domain, user, signature.
   * @param ticket what the client sent beside the response; null where it sends none (second factor)
   * @throws invalid_argument for what is no response; invalid_credentials with the reason
   */
  verify(purpose: PasskeyPurpose, ticket: string | null, response: unknown, now: number): Promise<PasskeyProof>;
  /**
   * Uses the proof. A counter that did not grow suspends the passkey; the answer is written, so throw after the transaction.
   * Whether the account may log in is for the caller to see.
   */
  accept(writer: Writer, proof: PasskeyProof, now: number): PasskeyAnswer;
}

/** What a challenge remembers beside account and session. */
const boundTo = z.object({ purpose: z.enum(['login', 'second_factor', 'step_up']), mfa: z.string().nullable() });

export function createPasskeyAuthentication(options: PasskeyOptions): PasskeyAuthentication {
  const { store, sealer, relyingParty, ttlMs } = options;

  return {
    begin(writer, purpose, now) {
      const { accountId, sessionId, mfa } = bindingOf(purpose);
      const data: z.output<typeof boundTo> = { purpose: purpose.kind, mfa };
      const draft = { kind: 'webauthn_login', accountId, sessionId, data, lifetimeMs: ttlMs() } as const;
      const { ticket } = issueTicket(writer, sealer, draft, now);
      const allowed = accountId === null ? [] : usablePasskeys(writer, sealer, accountId);
      const publicKey: PublicKeyCredentialRequestOptionsJSON = {
        rpId: relyingParty().rpId,
        challenge: ticket,
        timeout: ttlMs(),
        userVerification: 'required',
        allowCredentials: allowed.map(({ credential }) => ({ id: credential.id, type: 'public-key' })),
      };
      return { ticket, publicKey };
    },

    async verify(purpose, ticket, response, now) {
      const { json, clientData } = parseAuthentication(response);
      const { challenge } = clientData;
      const found = store.change((writer) => takeTicket(writer, sealer, 'webauthn_login', challenge, now));
      if (found === null || (ticket !== null && ticket !== challenge)) {
        throw refusal('invalid_credentials', 'challenge_consumed');
      }
      const bound = boundTo.parse(found.data);
      const expected = bindingOf(purpose);
      const isOurs =
        bound.purpose === purpose.kind &&
        bound.mfa === expected.mfa &&
        found.accountId === expected.accountId &&
        found.sessionId === expected.sessionId;
      if (!isOurs) throw refusal('invalid_credentials', 'ticket_invalid');

      const passkey = findPasskey(store.reader, sealer, json.id);
      if (passkey === null) throw refusal('invalid_credentials', 'unknown_passkey');
      checkOwner(passkey, purpose, json.response.userHandle);
      if (passkey.suspendedAt !== null) throw refusal('invalid_credentials', 'passkey_suspended');
      const { alg } = passkey.credential;
      if (!passkeyAlgorithms.includes(alg))
        throw refusal('invalid_credentials', 'alg_not_allowed', { logged: { alg } });
      const rp = relyingParty();
      checkClientData(clientData, 'webauthn.get', rp);
      checkAuthenticatorData(Buffer.from(json.response.authenticatorData, 'base64url'), rp);
      return await verifySignature(passkey, json, challenge, rp);
    },

    accept(writer, { passkeyId, accountId, counter, backedUp }, now) {
      // Counters of 0 on both sides: the authenticator has none.
      const used = writer.run(
        `UPDATE passkeys SET counter = @counter, backed_up = @backedUp, last_used_at = @now
         WHERE id = @passkeyId AND suspended_at IS NULL AND (counter < @counter OR (counter = 0 AND @counter = 0))`,
        { passkeyId, counter, backedUp: backedUp ? 1 : 0, now },
      );
      if (used.changes === 1) return { kind: 'accepted', accountId };
      const sql = 'UPDATE passkeys SET suspended_at = @now WHERE id = @passkeyId AND suspended_at IS NULL';
      const isNew = writer.run(sql, { passkeyId, now }).changes === 1;
      return { kind: 'refused', reason: isNew ? 'counter_regression' : 'passkey_suspended' };
    },
  };
}

function bindingOf(purpose: PasskeyPurpose): {
  accountId: string | null;
  sessionId: string | null;
  mfa: string | null;
} {
  switch (purpose.kind) {
    case 'login':
      return { accountId: null, sessionId: null, mfa: null };
    case 'second_factor':
      return { accountId: purpose.accountId, sessionId: null, mfa: hashSecret(purpose.mfaTicket).toString('hex') };
    case 'step_up':
      return { accountId: purpose.accountId, sessionId: purpose.sessionId, mfa: null };
    default:
      return purpose satisfies never;
  }
}

/** A login is whoever's handle the authenticator gives; elsewhere the account is known and the handle may be absent. */
function checkOwner(passkey: StoredPasskey, purpose: PasskeyPurpose, userHandle: string | undefined): void {
  const isOwnHandle = userHandle === userHandleOf(passkey.accountId);
  const isOwner =
    purpose.kind === 'login'
      ? isOwnHandle
      : passkey.accountId === purpose.accountId && (userHandle === undefined || isOwnHandle);
  if (!isOwner) throw refusal('invalid_credentials', 'wrong_owner');
}

/**
 * The library is told a counter of 0, which switches its check of it off: it looks at counters before the signature, so that a
 * forged response could get a passkey suspended.
 */
async function verifySignature(
  passkey: StoredPasskey,
  json: ReturnType<typeof parseAuthentication>['json'],
  challenge: string,
  rp: RelyingParty,
): Promise<PasskeyProof> {
  const { id, publicKey } = passkey.credential;
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: json,
      expectedChallenge: challenge,
      expectedOrigin: [...rp.origins],
      expectedRPID: rp.rpId,
      requireUserVerification: true,
      credential: { id, publicKey: Uint8Array.from(Buffer.from(publicKey, 'base64url')), counter: 0 },
    });
    if (!verified) throw new Error('the signature does not fit');
    const { newCounter: counter, credentialBackedUp: backedUp } = authenticationInfo;
    return { passkeyId: passkey.id, accountId: passkey.accountId, counter, backedUp };
  } catch (cause) {
    throw refusal('invalid_credentials', 'bad_signature', { logged: { why: messageOf(cause).slice(0, 200) } });
  }
}
