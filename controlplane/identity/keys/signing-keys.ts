import { createPrivateKey, createPublicKey, generateKeyPair, randomBytes, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { identityErrors } from '../errors.ts';
import { places } from './places.ts';
import type { Sealer } from './seal.ts';

export type SigningAlg = 'EdDSA' | 'RS256';
/** Keys of the platform's tokens, and of id_tokens for other applications: one never verifies what the other signed. */
export type KeyUse = 'mcias' | 'oidc';
/** pending (published) → valid (signs) → retained (verifies; private half erased) → expired; revoked from any of them. */
export type KeyState = 'pending' | 'valid' | 'retained' | 'expired' | 'revoked';

/** Keys of one use and algorithm, which follow one another. */
export type KeySeries = { readonly use: KeyUse; readonly alg: SigningAlg };

export type SigningKey = KeySeries & {
  readonly kid: string;
  readonly state: KeyState;
  readonly publicJwk: PublicJwk;
  readonly createdAt: number;
  readonly activatesAt: number;
  /** When the last token that it signed ends; null while it may still sign. */
  readonly notAfter: number | null;
};

export type PublicJwk = Readonly<Record<string, string>>;

/** A key that is in no database yet. RSA takes long to find, so keys are made before the transaction that stores them. */
export type NewKey = KeySeries & {
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  readonly privatePkcs8: Buffer;
};

/** What happened to a key, for the audit log. */
export type KeyEvent = KeySeries & { readonly kid: string; readonly state: KeyState };

export type KeyTimes = {
  /** Age at which the next key is made. */
  readonly rotateEveryMs: number;
  /** How long a key is published before it signs. */
  readonly publishAheadMs: number;
  /** The longest life of an id_token. The lives of mcias's own tokens stand in their table. */
  readonly oidcTokenMs: number;
};

const generate = promisify(generateKeyPair);
const rsaBits = 2048;

export async function createSigningKey({ use, alg }: KeySeries): Promise<NewKey> {
  const { publicKey, privateKey } =
    alg === 'EdDSA' ? await generate('ed25519') : await generate('rsa', { modulusLength: rsaBits });
  const kid = randomBytes(16).toString('base64url');
  const jwk = publicKey.export({ format: 'jwk' }) as PublicJwk;
  const publicJwk = { ...jwk, kid, alg, use: 'sig' };
  return { use, alg, kid, publicJwk, privatePkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }) };
}

/** The series of which a key is wanted: none signs, or the one that signs is old enough and no other waits. */
export function seriesToRenew(
  reader: Reader,
  wanted: readonly KeySeries[],
  times: KeyTimes,
  now: number,
): readonly KeySeries[] {
  const keys = listSigningKeys(reader);
  return wanted.filter(({ use, alg }) => {
    const own = keys.filter((key) => key.use === use && key.alg === alg);
    if (own.some(({ state }) => state === 'pending')) return false;
    const valid = own.find(({ state }) => state === 'valid');
    return valid === undefined || valid.activatesAt + times.rotateEveryMs - times.publishAheadMs <= now;
  });
}

/** Stores new keys as pending, or as valid where nothing signs in their series. */
export function addSigningKeys(
  writer: Writer,
  sealer: Sealer,
  made: readonly NewKey[],
  times: KeyTimes,
  now: number,
): readonly KeyEvent[] {
  return made.map(({ use, alg, kid, publicJwk, privatePkcs8 }) => {
    const state = validKid(writer, { use, alg }) === null ? 'valid' : 'pending';
    writer.run(
      `INSERT INTO signing_keys (kid, alg, "use", state, public_jwk, s_private, activates_at, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        kid,
        alg,
        use,
        state,
        JSON.stringify(publicJwk),
        sealer.seal(writer, places.signingKey(kid), privatePkcs8),
        state === 'valid' ? now : now + times.publishAheadMs,
        now,
      ],
    );
    return { use, alg, kid, state };
  });
}

/** Moves keys on whose time has come; what is already done is not done again. */
export function advanceSigningKeys(writer: Writer, times: KeyTimes, now: number): readonly KeyEvent[] {
  const due = listSigningKeys(writer).filter(({ state, activatesAt }) => state === 'pending' && activatesAt <= now);
  const activated = due.flatMap((key) => activate(writer, key, times, now));
  const expired = writer.all<KeyEvent>(
    `UPDATE signing_keys SET state = 'expired' WHERE state = 'retained' AND not_after <= ?
     RETURNING kid, alg, "use", state`,
    [now],
  );
  return [...activated, ...expired];
}

/**
 * Takes a key out of use at once: nothing that it signed verifies any more. Where it was the one that signs, the pending one of
 * its series takes over; where there is none, the caller adds one in the same transaction.
 * @throws not_found
 */
export function revokeSigningKey(writer: Writer, kid: string, times: KeyTimes, now: number): readonly KeyEvent[] {
  const key = listSigningKeys(writer).find((candidate) => candidate.kid === kid);
  if (key === undefined) throw identityErrors.error('not_found', `there is no signing key ${JSON.stringify(kid)}`);
  if (key.state === 'revoked') return [];
  writer.run("UPDATE signing_keys SET state = 'revoked', s_private = NULL, not_after = ? WHERE kid = ?", [now, kid]);
  const { use, alg } = key;
  const revoked: KeyEvent = { use, alg, kid, state: 'revoked' };
  const next = listSigningKeys(writer).find((k) => k.use === use && k.alg === alg && k.state === 'pending');
  if (key.state !== 'valid' || next === undefined) return [revoked];
  return [revoked, ...activate(writer, next, times, now)];
}

export function listSigningKeys(reader: Reader): readonly SigningKey[] {
  const rows = reader.all<SigningKeyRow>(
    `SELECT kid, alg, "use", state, public_jwk, created_at, activates_at, not_after
     FROM signing_keys ORDER BY created_at, kid`,
  );
  return rows.map(({ kid, alg, use, state, public_jwk, created_at, activates_at, not_after }) => ({
    kid,
    alg,
    use,
    state,
    publicJwk: JSON.parse(public_jwk) as PublicJwk,
    createdAt: created_at,
    activatesAt: activates_at,
    notAfter: not_after,
  }));
}

/** The key that signs, or null where the series has none. */
export function validKid(reader: Reader, { use, alg }: KeySeries): string | null {
  const row = reader.get<{ kid: string }>(
    `SELECT kid FROM signing_keys WHERE "use" = ? AND alg = ? AND state = 'valid'`,
    [use, alg],
  );
  return row?.kid ?? null;
}

export function readPrivateKey(reader: Reader, sealer: Sealer, kid: string): KeyObject | null {
  const row = reader.get<{ s_private: Uint8Array | null }>('SELECT s_private FROM signing_keys WHERE kid = ?', [kid]);
  if (!row?.s_private) return null;
  const key = sealer.open(places.signingKey(kid), row.s_private);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

export function toPublicKey(jwk: PublicJwk): KeyObject {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' });
}

type SigningKeyRow = {
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly use: KeyUse;
  readonly state: KeyState;
  readonly public_jwk: string;
  readonly created_at: number;
  readonly activates_at: number;
  readonly not_after: number | null;
};

function activate(writer: Writer, { use, alg, kid }: SigningKey, times: KeyTimes, now: number): KeyEvent[] {
  const previous = validKid(writer, { use, alg });
  if (previous !== null) retire(writer, { use, alg }, previous, times, now);
  writer.run("UPDATE signing_keys SET state = 'valid', activates_at = ? WHERE kid = ?", [now, kid]);
  const valid: KeyEvent = { use, alg, kid, state: 'valid' };
  return previous === null ? [valid] : [{ use, alg, kid: previous, state: 'retained' }, valid];
}

/** Nothing is signed with it any more, so it ends with the last of what it has signed, and its private half is erased now. */
function retire(writer: Writer, { use }: KeySeries, kid: string, times: KeyTimes, now: number): void {
  const last = writer.get<{ at: number | null }>('SELECT max(expires_at) AS at FROM tokens WHERE kid = ?', [kid]);
  const notAfter = use === 'oidc' ? now + times.oidcTokenMs : Math.max(now, last?.at ?? now);
  writer.run("UPDATE signing_keys SET state = 'retained', s_private = NULL, not_after = ? WHERE kid = ?", [
    notAfter,
    kid,
  ]);
}
