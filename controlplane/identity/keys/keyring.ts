import { sign, type KeyObject } from 'node:crypto';

import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { identityErrors } from '../errors.ts';
import type { Store } from '../store/index.ts';
import type { Sealer } from './seal.ts';
import {
  addSigningKeys,
  advanceSigningKeys,
  createSigningKey,
  listSigningKeys,
  readPrivateKey,
  revokeSigningKey,
  seriesToRenew,
  toPublicKey,
  validKid,
  type KeyEvent,
  type KeySeries,
  type KeyTimes,
  type KeyUse,
  type PublicJwk,
  type SigningAlg,
} from './signing-keys.ts';

export type Signer = {
  readonly kid: string;
  readonly alg: SigningAlg;
  /** The signature over these bytes, as JWS has it (RFC 8037, RFC 7518 section 3.3). */
  sign(data: Uint8Array): Buffer;
};

export type Verifier = { readonly kid: string; readonly alg: SigningAlg; readonly publicKey: KeyObject };

export type Jwks = { readonly keys: readonly PublicJwk[] };

/** Records what happened to keys, in the transaction in which it happens. */
export type RecordKeyEvents = (writer: Writer, events: readonly KeyEvent[]) => void;

/** The signing keys at hand: verifying costs a look into a map, never a query. */
export type Keyring = {
  /** The key that signs as of this transaction. @throws internal when the series has none */
  signer(reader: Reader, series: KeySeries): Signer;
  /** The key of this id when what it signed may still be good (valid or retained), else null. */
  verifier(use: KeyUse, kid: string): Verifier | null;
  /** What is published: keys that will sign, sign, or have signed something still good. */
  jwks(use: KeyUse): Jwks;
  /** Private JWKs of the keys that sign, for the OpenID provider. */
  signingJwks(use: KeyUse): Jwks;
  /** Makes keys that are missing or due and moves on those whose time has come; to be called at start and from time to time. */
  maintain(now: number, record: RecordKeyEvents): Promise<readonly KeyEvent[]>;
  /** Makes a new key in each series that has none waiting; it signs after `publishAheadMs`. */
  rotate(now: number, record: RecordKeyEvents): Promise<readonly KeyEvent[]>;
  /** Revokes a key, and replaces it where it was the one that signs. @throws not_found */
  revoke(kid: string, now: number, record: RecordKeyEvents): Promise<readonly KeyEvent[]>;
  /** Reads the keys again, after another process may have changed them. */
  reload(): void;
};

export type KeyringOptions = {
  readonly store: Store;
  readonly sealer: Sealer;
  /** The series that the configuration needs: RS256 costs time to make and is for OpenID Connect alone. */
  readonly series: readonly KeySeries[];
  readonly times: KeyTimes;
};

export const tokenSeries: KeySeries = { use: 'mcias', alg: 'EdDSA' };
export const oidcSeries: readonly KeySeries[] = [
  { use: 'oidc', alg: 'EdDSA' },
  { use: 'oidc', alg: 'RS256' },
];

export function createKeyring(options: KeyringOptions): Keyring {
  const { store, sealer, series, times } = options;
  let verifiers = new Map<string, Verifier & { readonly use: KeyUse }>();
  let published: readonly { readonly use: KeyUse; readonly jwk: PublicJwk }[] = [];
  const signers = new Map<string, Signer>();

  const reload = (): void => {
    const keys = listSigningKeys(store.reader);
    const good = keys.filter(({ state }) => state === 'valid' || state === 'retained');
    verifiers = new Map(
      good.map(({ kid, alg, use, publicJwk }) => [kid, { kid, alg, use, publicKey: toPublicKey(publicJwk) }]),
    );
    published = keys
      .filter(({ state }) => state === 'pending' || state === 'valid' || state === 'retained')
      .map(({ use, publicJwk }) => ({ use, jwk: publicJwk }));
    for (const kid of signers.keys())
      if (!keys.some((key) => key.kid === kid && key.state === 'valid')) signers.delete(kid);
  };

  const signer = (reader: Reader, wanted: KeySeries): Signer => {
    const kid = validKid(reader, wanted);
    if (kid === null) throw identityErrors.error('internal', `no key of ${wanted.use} signs ${wanted.alg}`);
    const known = signers.get(kid);
    if (known) return known;
    const key = readPrivateKey(reader, sealer, kid);
    if (key === null) throw identityErrors.error('internal', `signing key ${kid} has no private half`);
    const digest = wanted.alg === 'EdDSA' ? null : 'sha256';
    const made: Signer = { kid, alg: wanted.alg, sign: (data) => sign(digest, data, key) };
    signers.set(kid, made);
    return made;
  };

  const change = async (
    needed: readonly KeySeries[],
    record: RecordKeyEvents,
    now: number,
    work: (writer: Writer) => readonly KeyEvent[],
  ): Promise<readonly KeyEvent[]> => {
    const made = await Promise.all(needed.map(createSigningKey));
    const events = store.change((writer) => {
      const before = work(writer);
      // Another process may have been faster.
      const stillNeeded = made.filter(({ use, alg }) => !hasPending(writer, { use, alg }));
      const all = [...before, ...addSigningKeys(writer, sealer, stillNeeded, times, now)];
      if (all.length > 0) record(writer, all);
      return all;
    });
    reload();
    return events;
  };

  reload();
  return {
    signer,
    verifier(use, kid) {
      const found = verifiers.get(kid);
      return found?.use === use ? found : null;
    },
    jwks: (use) => ({ keys: published.filter((key) => key.use === use).map(({ jwk }) => jwk) }),
    signingJwks: (use) => ({
      keys: series
        .filter((wanted) => wanted.use === use)
        .flatMap((wanted) => {
          const kid = validKid(store.reader, wanted);
          const key = kid === null ? null : readPrivateKey(store.reader, sealer, kid);
          if (kid === null || key === null) return [];
          return [{ ...(key.export({ format: 'jwk' }) as PublicJwk), kid, alg: wanted.alg, use: 'sig' }];
        }),
    }),
    async maintain(now, record) {
      const needed = seriesToRenew(store.reader, series, times, now);
      if (needed.length === 0 && !isAnythingDue(store.reader, now)) return [];
      return change(needed, record, now, (writer) => advanceSigningKeys(writer, times, now));
    },
    rotate(now, record) {
      const needed = series.filter((wanted) => !hasPending(store.reader, wanted));
      return change(needed, record, now, (writer) => advanceSigningKeys(writer, times, now));
    },
    revoke(kid, now, record) {
      const key = listSigningKeys(store.reader).find((candidate) => candidate.kid === kid);
      const needed = key?.state === 'valid' && !hasPending(store.reader, key) ? [key] : [];
      return change(needed, record, now, (writer) => revokeSigningKey(writer, kid, times, now));
    },
    reload,
  };
}

function hasPending(reader: Reader, { use, alg }: KeySeries): boolean {
  const sql = `SELECT 1 FROM signing_keys WHERE "use" = ? AND alg = ? AND state = 'pending'`;
  return reader.get(sql, [use, alg]) !== null;
}

function isAnythingDue(reader: Reader, now: number): boolean {
  const sql = `SELECT 1 FROM signing_keys
    WHERE (state = 'pending' AND activates_at <= ?) OR (state = 'retained' AND not_after <= ?)`;
  return reader.get(sql, [now, now]) !== null;
}
