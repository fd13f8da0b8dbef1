import { verify } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';

import { createTestClock } from '../test-support/clock.ts';
import { allSeries, openTempKeys, testKeyTimes, type TempKeys } from '../test-support/temp-keys.ts';
import { createKeyring, listSigningKeys, tokenSeries, type KeyEvent, type KeySeries } from './index.ts';

let temp: TempKeys | null = null;
afterEach(() => temp?.[Symbol.dispose]());

const day = 86_400_000;

async function open(series: readonly KeySeries[] = [tokenSeries]) {
  temp = await openTempKeys({ series });
  const { store, keyring } = temp;
  const clock = createTestClock();
  const events: KeyEvent[] = [];
  const record = (_: unknown, happened: readonly KeyEvent[]) => void events.push(...happened);
  const kidOf = () => keyring.signer(store.reader, tokenSeries).kid;
  const stateOf = (kid: string) => listSigningKeys(store.reader).find((key) => key.kid === kid)?.state;
  const addToken = (kid: string, expiresAt: number) =>
    store.change((w) => {
      w.run(
        "INSERT OR IGNORE INTO accounts (id, name, type, status, created_at) VALUES ('s', 'mcq', 'system', 'enabled', 1)",
      );
      w.run(
        `INSERT INTO tokens (id, h_jti, account_id, kid, audience, kind, issued_at, expires_at, chain_id, ttl_ms, created_at)
         VALUES (?, ?, 's', ?, '[]', 'system', 1, ?, 'c', 1, 1)`,
        [`t${expiresAt}`, Buffer.from(`t${expiresAt}`), kid, expiresAt],
      );
    });
  return { ...temp, clock, events, record, kidOf, stateOf, addToken };
}

describe('signing keys', () => {
  it('sign at once in a new database, and the private half is sealed', async () => {
    const { keyring, store } = await open(allSeries);
    for (const series of allSeries) {
      const signer = keyring.signer(store.reader, series);
      const data = Buffer.from('data');
      const verifier = keyring.verifier(series.use, signer.kid);
      const digest = series.alg === 'EdDSA' ? null : 'sha256';
      expect(verifier && verify(digest, data, verifier.publicKey, signer.sign(data))).toBe(true);
    }
    expect(keyring.jwks('mcias').keys.map(({ alg }) => alg)).toEqual(['EdDSA']);
    expect(
      keyring
        .jwks('oidc')
        .keys.map(({ alg }) => alg)
        .toSorted(),
    ).toEqual(['EdDSA', 'RS256']);
    expect(keyring.jwks('oidc').keys.some((jwk) => 'd' in jwk)).toBe(false);
    expect(keyring.signingJwks('oidc').keys.every((jwk) => 'd' in jwk)).toBe(true);
  });

  it('of OpenID Connect do not verify tokens of the platform', async () => {
    const { keyring, store } = await open(allSeries);
    const { kid } = keyring.signer(store.reader, { use: 'oidc', alg: 'EdDSA' });
    expect(keyring.verifier('mcias', kid)).toBeNull();
  });

  it('IA-43 rotate without refusing any valid token: pending, valid, retained, expired', async () => {
    const { keyring, store, clock, record, kidOf, stateOf, addToken, events } = await open();
    const first = kidOf();
    addToken(first, clock.now() + 200 * day);
    clock.advance(testKeyTimes.rotateEveryMs - testKeyTimes.publishAheadMs - 1);
    expect(await keyring.maintain(clock.now(), record)).toEqual([]);

    clock.advance(1);
    const [made] = await keyring.maintain(clock.now(), record);
    expect(made).toMatchObject({ state: 'pending' });
    const second = made?.kid ?? '';
    expect(
      keyring
        .jwks('mcias')
        .keys.map(({ kid }) => kid)
        .toSorted(),
    ).toEqual([first, second].toSorted());
    expect([kidOf(), keyring.verifier('mcias', second)]).toEqual([first, null]);
    expect(await keyring.maintain(clock.now(), record)).toEqual([]);

    clock.advance(testKeyTimes.publishAheadMs);
    await keyring.maintain(clock.now(), record);
    expect([kidOf(), stateOf(first)]).toEqual([second, 'retained']);
    expect(keyring.verifier('mcias', first)).not.toBeNull();
    expect(store.reader.get('SELECT s_private FROM signing_keys WHERE kid = ?', [first])).toEqual({ s_private: null });

    clock.advance(110 * day - 1);
    await keyring.maintain(clock.now(), record);
    expect(stateOf(first)).toBe('retained');
    clock.advance(1);
    await keyring.maintain(clock.now(), record);
    expect(stateOf(first)).toBe('expired');
    expect(keyring.verifier('mcias', first)).toBeNull();
    expect(events.filter(({ kid }) => kid === first).map(({ state }) => state)).toEqual(['retained', 'expired']);
  });

  it('rotated by hand wait until they were published', async () => {
    const { keyring, clock, record, kidOf } = await open();
    const first = kidOf();
    const [made] = await keyring.rotate(clock.now(), record);
    expect([made?.state, kidOf()]).toEqual(['pending', first]);
    expect(await keyring.rotate(clock.now(), record)).toEqual([]);
    clock.advance(testKeyTimes.publishAheadMs);
    await keyring.maintain(clock.now(), record);
    expect(kidOf()).toBe(made?.kid);
  });

  it('IA-43 that are revoked verify nothing any more, and another one signs at once', async () => {
    const { keyring, store, clock, record, kidOf, stateOf } = await open();
    const first = kidOf();
    await keyring.revoke(first, clock.now(), record);
    expect([stateOf(first), keyring.verifier('mcias', first)]).toEqual(['revoked', null]);
    expect(keyring.jwks('mcias').keys.map(({ kid }) => kid)).toEqual([kidOf()]);
    expect(store.reader.get('SELECT s_private FROM signing_keys WHERE kid = ?', [first])).toEqual({ s_private: null });
    expect(await keyring.revoke(first, clock.now(), record)).toEqual([]);
    await expect(keyring.revoke('other', clock.now(), record)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that are revoked are followed by the one that waits', async () => {
    const { keyring, clock, record, kidOf } = await open();
    const [waiting] = await keyring.rotate(clock.now(), record);
    await keyring.revoke(kidOf(), clock.now(), record);
    expect(kidOf()).toBe(waiting?.kid);
  });

  it('are stored with their record or not at all', async () => {
    const { keyring, store, clock } = await open();
    const failing = () => {
      throw new Error('no audit');
    };
    await expect(keyring.rotate(clock.now(), failing)).rejects.toThrow('no audit');
    expect(listSigningKeys(store.reader)).toHaveLength(1);
  });

  it('that another process rotated are used from the next signature on', async () => {
    const { keyring, store, sealer, clock, record, kidOf } = await open();
    const first = kidOf();
    const other = createKeyring({ store, sealer, series: [tokenSeries], times: testKeyTimes });
    await other.revoke(first, clock.now(), record);
    expect(kidOf()).not.toBe(first);
    expect(keyring.verifier('mcias', first)).not.toBeNull();
    keyring.reload();
    expect(keyring.verifier('mcias', first)).toBeNull();
  });
});
