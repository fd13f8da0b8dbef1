import { type PublicKeyCredentialCreationOptionsJSON, verifyRegistrationResponse } from '@simplewebauthn/server';
import {
  cose,
  decodeAttestationObject,
  decodeCredentialPublicKey,
  parseAuthenticatorData,
} from '@simplewebauthn/server/helpers';
import { messageOf } from '../../../../mcdsl/errors/index.ts';
import type { Writer } from '../../../../mcdsl/database/index.ts';
import { refusal } from '../../errors.ts';
import type { Sealer } from '../../keys/index.ts';
import type { Store } from '../../store/index.ts';
import { issueTicket, takeTicket } from '../../tickets/index.ts';
import { type Credential, insertPasskey, type Passkey, refuseFull, usablePasskeys } from './passkeys.ts';
import { passkeyAlgorithms, type RelyingParty } from './relying-party.ts';
import { checkAuthenticatorData, checkClientData, parseRegistration } from './response.ts';
import { userHandleOf } from './user-handle.ts';

/** Who registers: a person with a session that has just been stepped up. */
export interface Registrant {
  readonly accountId: string;
  readonly sessionId: string;
}

/** A verified passkey that is not stored yet: verifying waits, and a transaction must not. */
export interface NewPasskey {
  readonly accountId: string;
  readonly credential: Credential;
  readonly counter: number;
  readonly backedUp: boolean;
}

export interface PasskeyRegistration {
  /** @throws table_full at 20 passkeys; busy */
  begin(
    writer: Writer,
    registrant: Registrant,
    names: { readonly name: string; readonly displayName: string },
    now: number,
  ): { readonly ticket: string; readonly publicKey: PublicKeyCredentialCreationOptionsJSON };
  /**
   * Consumes the challenge, whatever comes of it, then verifies.
   * @throws invalid_argument for what is no response; invalid_credentials with the reason
   */
  verify(registrant: Registrant, ticket: string, response: unknown, now: number): Promise<NewPasskey>;
  /** @throws table_full; already_exists; invalid_argument for the name */
  add(writer: Writer, passkey: NewPasskey, name: string, now: number): Passkey;
}

export interface PasskeyOptions {
  readonly store: Store;
  readonly sealer: Sealer;
  /** Asked each time: a reload may change origins. */
  readonly relyingParty: () => RelyingParty;
  readonly ttlMs: () => number;
}

export function createPasskeyRegistration(options: PasskeyOptions): PasskeyRegistration {
  const { store, sealer, relyingParty, ttlMs } = options;

  return {
    begin(writer, { accountId, sessionId }, { name, displayName }, now) {
      refuseFull(writer, accountId);
      const { rpId, name: rpName } = relyingParty();
      const kind = 'webauthn_register';
      const draft = { kind, accountId, sessionId, data: null, lifetimeMs: ttlMs() } as const;
      const { ticket } = issueTicket(writer, sealer, draft, now);
      const publicKey: PublicKeyCredentialCreationOptionsJSON = {
        rp: { id: rpId, name: rpName },
        user: { id: userHandleOf(accountId), name, displayName: displayName === '' ? name : displayName },
        challenge: ticket,
        pubKeyCredParams: passkeyAlgorithms.map((alg) => ({ alg, type: 'public-key' as const })),
        timeout: ttlMs(),
        excludeCredentials: usablePasskeys(writer, sealer, accountId).map(({ credential }) => ({
          id: credential.id,
          type: 'public-key' as const,
        })),
        authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        attestation: 'none',
      };
      return { ticket, publicKey };
    },

    async verify({ accountId, sessionId }, ticket, response, now) {
      const { json, transports, clientData } = parseRegistration(response);
      const { challenge } = clientData;
      const found = store.change((writer) => takeTicket(writer, sealer, 'webauthn_register', challenge, now));
      if (found === null || challenge !== ticket) throw refusal('invalid_credentials', 'challenge_consumed');
      if (found.accountId !== accountId || found.sessionId !== sessionId) {
        throw refusal('invalid_credentials', 'ticket_invalid');
      }
      const rp = relyingParty();
      checkClientData(clientData, 'webauthn.create', rp);
      const { authData, alg } = inspect(json.response.attestationObject);
      checkAuthenticatorData(authData, rp);
      if (!passkeyAlgorithms.includes(alg))
        throw refusal('invalid_credentials', 'alg_not_allowed', { logged: { alg } });
      const verified = await verifyRegistrationResponse({
        response: json,
        expectedChallenge: ticket,
        expectedOrigin: [...rp.origins],
        expectedRPID: rp.rpId,
        requireUserVerification: true,
        supportedAlgorithmIDs: [...passkeyAlgorithms],
      }).catch((cause: unknown) => {
        throw badSignature(cause);
      });
      if (!verified.verified) throw badSignature('the attestation does not fit');
      const { credential, credentialBackedUp: backedUp } = verified.registrationInfo;
      if (credential.id !== json.id) throw badSignature('the id is not the one that was attested');
      const publicKey = Buffer.from(credential.publicKey).toString('base64url');
      return {
        accountId,
        credential: { id: credential.id, publicKey, alg, transports },
        counter: credential.counter,
        backedUp,
      };
    },

    add: (writer, passkey, name, now) => insertPasskey(writer, sealer, { ...passkey, name }, now),
  };
}

/** Authenticator data and algorithm of a new key; CBOR that cannot be read is no passkey. */
function inspect(attestationObject: string): { authData: Uint8Array; alg: number } {
  try {
    const bytes = Uint8Array.from(Buffer.from(attestationObject, 'base64url'));
    const authData = decodeAttestationObject(bytes).get('authData');
    const { credentialPublicKey } = parseAuthenticatorData(authData);
    if (credentialPublicKey === undefined) throw new Error('no public key');
    return { authData, alg: Number(decodeCredentialPublicKey(credentialPublicKey).get(cose.COSEKEYS.alg)) };
  } catch (cause) {
    throw badSignature(cause);
  }
}

function badSignature(cause: unknown): Error {
  return refusal('invalid_credentials', 'bad_signature', { logged: { why: messageOf(cause).slice(0, 200) } });
}
