import { hash } from 'node:crypto';

import { refusal } from '../errors.ts';
import type { Keyring } from '../keys/index.ts';
import type { Reason } from '../reasons.ts';
import type { Store } from '../store/index.ts';
import { parseClaims, type Claims } from './claims.ts';
import { parseCompact, parseObject, tokenAlg, tokenType, verifySignature, type Refused } from './jws.ts';
import { judgeTokenRow, readTokenRow, type TokenRow, type TokenState } from './row.ts';
import { createSignatureCache, type SignatureCacheStats, type VerifiedSignature } from './signature-cache.ts';

export type VerifiedToken = { readonly claims: Claims; readonly state: TokenState };

export type Verification =
  | ({ readonly ok: true } & VerifiedToken)
  | {
      readonly ok: false;
      /** For log, metric and audit. */
      readonly reason: Reason;
      /** What a caller of validate may know: precise only after the signature verified. */
      readonly answer: 'invalid' | 'expired' | 'revoked' | 'session_ended' | 'account_disabled';
      readonly logged: Readonly<Record<string, string>>;
    };

export type TokenVerifier = {
  /** Whether a token is good at this moment. The audience is the caller's to check: only it knows for which service it asks. */
  verify(token: string, now: number): Promise<Verification>;
  /** As `verify`, for the bearer of a request. @throws invalid_token */
  require(token: string, now: number): Promise<VerifiedToken>;
  stats(): SignatureCacheStats;
};

export type VerifierDeps = {
  readonly store: Pick<Store, 'reader' | 'changes'>;
  readonly keyring: Keyring;
  /** `iss`, of this moment: the configuration may be loaded anew. */
  readonly issuer: () => string;
  readonly cacheEntries?: number;
};

/** What clocks of our own machines may differ by; times of tokens are from one clock, ours. */
const leewaySeconds = 5;

/**
 * The order of a verification: size, segments, canonical encoding, header, key, signature, issuer, times, database. jwk, jku, x5u
 * and x5c are never read: the only keys are those of the keyring. A signature that was verified once is remembered; the steps
 * after it are taken at each call. The row is read again after any change of the database, whoever made it.
 */
export function createTokenVerifier(deps: VerifierDeps): TokenVerifier {
  const { store, keyring, issuer } = deps;
  const cache = createSignatureCache(deps.cacheEntries);

  const verify = async (token: string, now: number): Promise<Verification> => {
    const key = hash('sha256', token, 'base64');
    const signed = await verified(token, key);
    if (!signed.ok) return { ok: false, reason: signed.reason, answer: 'invalid', logged: signed.logged ?? {} };
    const { claims } = signed.value;
    const fault = checkClaims(claims, issuer(), now);
    if (fault !== null) return refuse(fault, fault === 'expired' ? 'expired' : 'invalid', claims);
    const found = judgeTokenRow(rowOf(signed.value), now);
    if (found.ok) return { ok: true, claims, state: found.state };
    return refuse(found.reason, found.reason === 'unknown_token' ? 'invalid' : found.reason, claims);
  };

  const rowOf = (known: VerifiedSignature): TokenRow | null => {
    // Before the row: a change that comes between the two makes it read again.
    const changes = store.changes();
    if (known.row?.changes !== changes) known.row = { value: readTokenRow(store.reader, known.claims.jti), changes };
    return known.row.value;
  };

  const verified = async (
    token: string,
    key: string,
  ): Promise<{ readonly ok: true; readonly value: VerifiedSignature } | Refused> => {
    const known = cache.get(key);
    if (known !== null) {
      if (keyring.verifier('mcias', known.kid) !== null) return { ok: true, value: known };
      cache.delete(key);
    }
    const checked = await checkSignature(token, keyring);
    if (checked.ok) cache.set(key, checked.value);
    return checked;
  };

  return {
    verify,
    async require(token, now) {
      const result = await verify(token, now);
      if (result.ok) return result;
      throw refusal('invalid_token', result.reason, { logged: result.logged });
    },
    stats: () => cache.stats(),
  };
}

async function checkSignature(
  token: string,
  keyring: Keyring,
): Promise<{ readonly ok: true; readonly value: VerifiedSignature } | Refused> {
  const parsed = parseCompact(token);
  if (!parsed.ok) return parsed;
  const { header, payload } = parsed.jws;
  const { alg, typ, kid } = header;
  if (alg !== tokenAlg) return { ok: false, reason: 'alg_not_allowed', logged: { alg: shown(alg) } };
  if (typ !== tokenType) return { ok: false, reason: 'wrong_type', logged: { typ: shown(typ) } };
  const key = typeof kid === 'string' ? keyring.verifier('mcias', kid) : null;
  // The key's id is the caller's text: its hash tells attempts apart without bringing them into the log.
  if (key === null) return { ok: false, reason: 'unknown_kid', logged: { kid_sha256: sha256(shown(kid)) } };
  if (!(await verifySignature(token, key.publicKey, key.alg))) return { ok: false, reason: 'bad_signature' };
  const claims = parseClaims(parseObject(payload));
  return claims === null
    ? { ok: false, reason: 'malformed' }
    : { ok: true, value: { kid: key.kid, claims, row: null } };
}

function checkClaims(
  { iss, exp, nbf, iat }: Claims,
  issuer: string,
  now: number,
): 'wrong_issuer' | 'expired' | 'not_yet_valid' | null {
  const seconds = now / 1000;
  if (iss !== issuer) return 'wrong_issuer';
  if (seconds >= exp + leewaySeconds) return 'expired';
  return seconds < Math.max(nbf, iat) - leewaySeconds ? 'not_yet_valid' : null;
}

type Refusal = Extract<Verification, { ok: false }>;

function refuse(reason: Reason, answer: Refusal['answer'], { name, sub }: Claims): Refusal {
  return { ok: false, reason, answer, logged: { account: name, account_id: sub } };
}

/** Of a header that nobody vouches for: short, and never more than a few characters of it. */
function shown(value: unknown): string {
  return String(typeof value === 'string' ? value : typeof value).slice(0, 32);
}

function sha256(text: string): string {
  return hash('sha256', text);
}
