import { createHmac, generateKeyPairSync, sign, verify } from 'node:crypto';
import { exportJWK } from 'jose';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { disableAccount, requireAccount, setRoles, type Account } from '../accounts/index.ts';
import { tokenSeries } from '../keys/index.ts';
import { endSession, type OpenedSession } from '../sessions/index.ts';
import { openStore } from '../store/index.ts';
import { createTestClock, type TestClock } from '../test-support/clock.ts';
import { addPerson, addService, createTokens, logIn, testIssuer } from '../test-support/people.ts';
import { allSeries, openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import { signCompact } from './jws.ts';
import { revokeToken, type IssuedToken } from './index.ts';

let temp: TempKeys;
let clock: TestClock;
let ann: Account;
let opened: OpenedSession;
let tokens: ReturnType<typeof createTokens>;
let good: IssuedToken;
beforeEach(async () => {
  temp = await openTempKeys({ series: allSeries.filter(({ alg }) => alg === 'EdDSA') });
  clock = createTestClock();
  ann = addPerson(temp.store, 'ann', ['user'], clock.now());
  addPerson(temp.store, 'root1', ['admin'], clock.now());
  opened = logIn(temp.store, ann, clock.now());
  tokens = createTokens(temp);
  good = temp.store.change((w) => tokens.issuer.forSession(w, ann, opened.session, ['mcq'], clock.now()));
});
afterEach(() => temp[Symbol.dispose]());

const check = (token: string) => tokens.verifier.verify(token, clock.now());
const reasonOf = async (token: string) => {
  const result = await check(token);
  return result.ok ? 'valid' : result.reason;
};
const segments = (token = good.token) => token.split('.') as [string, string, string];
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (segment: string) => JSON.parse(Buffer.from(segment, 'base64url').toString()) as Record<string, unknown>;
const ours = () => temp.keyring.signer(temp.store.reader, tokenSeries);
const claims = () => decode(segments()[1]);
/** A token of another header or other claims, signed by the key that signs all tokens. */
const signedByUs = (header: object, payload: object = claims()) => {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${ours().sign(Buffer.from(signed)).toString('base64url')}`;
};
const header = () => decode(segments()[0]);

describe('a token', () => {
  it('IA-35 has exactly these header and claims', () => {
    expect(header()).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: ours().kid });
    const seconds = Math.floor(clock.now() / 1000);
    expect(claims()).toEqual({
      iss: testIssuer,
      sub: ann.id,
      aud: ['mcq'],
      exp: seconds + 3600,
      iat: seconds,
      nbf: seconds,
      jti: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      sid: opened.session.id,
      name: 'ann',
      type: 'human',
      roles: ['user'],
      amr: ['pwd'],
      auth_time: seconds,
    });
  });

  it('is good, and node:crypto agrees about its signature', async () => {
    expect(await check(good.token)).toMatchObject({
      ok: true,
      state: { tokenId: good.tokenId, account: { name: 'ann' } },
    });
    const [head, body, mac] = segments();
    const key = temp.keyring.verifier('mcias', ours().kid)?.publicKey;
    expect(key && verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(mac, 'base64url'))).toBe(true);
  });

  it('IA-69 is known to the database by the hash of its jti alone', () => {
    const rows = JSON.stringify(temp.store.reader.all('SELECT * FROM tokens'));
    expect(rows).not.toContain(String(claims()['jti']));
    expect(rows).not.toContain(segments()[2]);
  });
});

describe('bad input', () => {
  it('row 1: alg none, and HS256 with the bytes of our public key', async () => {
    const [, body] = segments();
    expect(await reasonOf(`${encode({ ...header(), alg: 'none' })}.${body}.`)).toBe('malformed');
    expect(await reasonOf(`${encode({ ...header(), alg: 'none' })}.${body}.AA`)).toBe('alg_not_allowed');
    const key = temp.keyring.verifier('mcias', ours().kid)?.publicKey;
    for (const secret of [key?.export({ format: 'der', type: 'spki' }), key?.export({ format: 'pem', type: 'spki' })]) {
      const signed = `${encode({ ...header(), alg: 'HS256' })}.${body}`;
      const mac = createHmac('sha256', secret ?? '')
        .update(signed)
        .digest('base64url');
      expect(await reasonOf(`${signed}.${mac}`)).toBe('alg_not_allowed');
    }
    for (const alg of ['Ed25519', 'eddsa', 'RS256', '', null, 1]) {
      expect(await reasonOf(signedByUs({ ...header(), alg }))).toBe('alg_not_allowed');
    }
  });

  it.each(['../../key', 'https://evil.test/jwks', "' OR 1=1--", '', 'x'.repeat(2000), '__proto__', 7, null])(
    'row 2: kid %j is unknown, and only its hash is logged',
    async (kid) => {
      const result = await check(signedByUs({ ...header(), kid }));
      expect(result).toMatchObject({ ok: false, reason: 'unknown_kid', answer: 'invalid' });
      expect(result.ok ? {} : result.logged).toEqual({ kid_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    },
  );

  it('row 3: keys that the token brings are never read', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const jwk = await exportJWK(publicKey);
    const forge = (extra: object) => {
      const signed = `${encode({ ...header(), ...extra })}.${segments()[1]}`;
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
    };
    for (const extra of [{ jwk }, { jku: 'https://evil.test/' }, { x5u: 'https://evil.test/' }, { x5c: ['AA=='] }]) {
      expect(await reasonOf(forge(extra))).toBe('bad_signature');
      expect(await reasonOf(forge({ ...extra, kid: 'theirs' }))).toBe('unknown_kid');
    }
  });

  it('row 4: segments that are not the one encoding of their bytes', async () => {
    const [head, body, mac] = segments();
    const last = mac.slice(0, -1);
    // The last character of 64 bytes carries two bits that mean nothing: three other characters decode to the same bytes.
    const twins = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
      .map((letter) => last + letter)
      .filter((other) => other !== mac && Buffer.from(other, 'base64url').equals(Buffer.from(mac, 'base64url')));
    expect(twins.length).toBeGreaterThan(2);
    const bad = [
      ...twins.map((twin) => `${head}.${body}.${twin}`),
      ` ${good.token}`,
      `${good.token}\n`,
      `${head}    .${body}.${mac}`,
      `${head}.    ${body}.${mac}`,
      `${head}.${body}.    ${mac}`,
      `${head}=.${body}.${mac}`,
      `${head}.${body}.${mac}=`,
      `${head}.${body.replaceAll('-', '+').replaceAll('_', '/')}+.${mac}`,
    ];
    for (const token of bad) expect([token, await reasonOf(token)]).toEqual([token, 'not_canonical']);
  });

  it('row 5: too long, two or four segments, crit, no objects', async () => {
    const [head, body, mac] = segments();
    for (const token of [
      '',
      '..',
      'a'.repeat(4097),
      `${good.token}${'A'.repeat(4097)}`,
      `${head}.${body}`,
      `${good.token}.${mac}`,
      signedByUs({ ...header(), crit: ['exp'], exp: 1 }),
      `${Buffer.from('[]').toString('base64url')}.${body}.${mac}`,
      `${Buffer.from('{"alg":"EdDSA",').toString('base64url')}.${body}.${mac}`,
      `${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${body}.${mac}`,
      signedByUs(header(), { ...claims(), extra: 1 }),
      signedByUs(header(), { ...claims(), aud: 'mcq' }),
    ]) {
      expect([token.slice(0, 40), await reasonOf(token)]).toEqual([token.slice(0, 40), 'malformed']);
    }
  });

  it('row 6: an id_token, a key of OpenID Connect, a token of another issuer', async () => {
    const oidc = temp.keyring.signer(temp.store.reader, { use: 'oidc', alg: 'EdDSA' });
    expect(await reasonOf(signedByUs({ ...header(), typ: 'JWT' }))).toBe('wrong_type');
    expect(await reasonOf(signedByUs({ alg: 'EdDSA', kid: ours().kid }))).toBe('wrong_type');
    expect(await reasonOf(signCompact(claims(), oidc))).toBe('unknown_kid');
    expect(await reasonOf(signedByUs(header(), { ...claims(), iss: 'https://other.test' }))).toBe('wrong_issuer');
  });

  it('row 7: expired, not yet valid, revoked, unknown', async () => {
    const seconds = Math.floor(clock.now() / 1000);
    expect(await reasonOf(signedByUs(header(), { ...claims(), nbf: seconds + 6 }))).toBe('not_yet_valid');
    expect(await reasonOf(signedByUs(header(), { ...claims(), nbf: seconds + 5 }))).toBe('valid');
    expect(await reasonOf(signedByUs(header(), { ...claims(), jti: 'A'.repeat(43) }))).toBe('unknown_token');
    clock.advance(3600_000 + 4000);
    expect(await reasonOf(good.token)).toBe('valid');
    clock.advance(1000);
    expect(await check(good.token)).toMatchObject({ reason: 'expired', answer: 'expired', logged: { account: 'ann' } });
  });

  it('never throws, and never takes a changed token', async () => {
    const change = fc.record({
      at: fc.nat(good.token.length - 1),
      letter: fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), change), async (input) => {
        const token =
          typeof input === 'string'
            ? input
            : good.token.slice(0, input.at) + input.letter + good.token.slice(input.at + 1);
        if (token !== good.token) expect((await check(token)).ok).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

describe('what the database says', () => {
  it('IA-40 IA-6 counts at each verification, with the signature remembered', async () => {
    expect(await reasonOf(good.token)).toBe('valid');
    temp.store.change((w) => setRoles(w, ann.id, ann.revision, ['guest'], 'test', clock.now()));
    expect(await check(good.token)).toMatchObject({
      ok: true,
      state: { account: { roles: ['guest'] } },
      claims: { roles: ['user'] },
    });
    const { revision } = requireAccount(temp.store.reader, 'ann');
    temp.store.change((w) => w.run("UPDATE accounts SET status = 'disabled' WHERE id = ?", [ann.id]));
    expect(await check(good.token)).toMatchObject({ reason: 'account_disabled', answer: 'account_disabled' });
    temp.store.change((w) => w.run("UPDATE accounts SET status = 'enabled' WHERE id = ?", [ann.id]));
    expect(await reasonOf(good.token)).toBe('valid');
    clock.advance(1);
    temp.store.change((w) => disableAccount(w, ann.id, revision, clock.now()));
    temp.store.change((w) => w.run("UPDATE accounts SET status = 'enabled' WHERE id = ?", [ann.id]));
    expect(await check(good.token)).toMatchObject({ reason: 'revoked', answer: 'revoked' });
    expect(tokens.verifier.stats()).toMatchObject({ entries: 1, misses: 1, hits: 4 });
  });

  it('IA-40 refuses a revoked token and one of an ended session', async () => {
    const other = temp.store.change((w) => tokens.issuer.forSession(w, ann, opened.session, ['mcr'], clock.now()));
    expect(temp.store.change((w) => revokeToken(w, good.tokenId, 'revoked', clock.now()))).toBe(1);
    expect([await reasonOf(good.token), await reasonOf(other.token)]).toEqual(['revoked', 'valid']);
    temp.store.change((w) => w.run('UPDATE sessions SET idle_expires_at = ?', [clock.now()]));
    expect(await reasonOf(other.token)).toBe('session_ended');
    temp.store.change((w) => endSession(w, opened.session.id, 'logout', clock.now()));
    expect(await reasonOf(other.token)).toBe('revoked');
  });

  it('IA-40 counts at each verification also when another process has changed it, or time alone has passed', async () => {
    const other = temp.store.change((w) => tokens.issuer.forSession(w, ann, opened.session, ['mcr'], clock.now()));
    expect([await reasonOf(good.token), await reasonOf(other.token)]).toEqual(['valid', 'valid']);
    using process = openStore({ path: temp.path });
    process.change((w) => revokeToken(w, good.tokenId, 'revoked', clock.now()));
    expect([await reasonOf(good.token), await reasonOf(other.token)]).toEqual(['revoked', 'valid']);
    process.change((w) => w.run('UPDATE sessions SET idle_expires_at = ?', [clock.now() + 1]));
    expect(await reasonOf(other.token)).toBe('valid');
    clock.advance(1);
    expect(await reasonOf(other.token)).toBe('session_ended');
  });

  it('IA-43 refuses what a revoked key signed, remembered or not', async () => {
    expect(await reasonOf(good.token)).toBe('valid');
    await temp.keyring.revoke(ours().kid, clock.now(), () => {});
    expect(await reasonOf(good.token)).toBe('unknown_kid');
    const next = temp.store.change((w) => tokens.issuer.forSession(w, ann, opened.session, ['mcq'], clock.now()));
    expect(await reasonOf(next.token)).toBe('valid');
  });

  it('IA-1 is asked in one way for people and services', async () => {
    const mcq = addService(temp.store, 'mcq', clock.now());
    const draft = { audience: ['platform'], ttlMs: null, label: 'agent' };
    const { token } = temp.store.change((w) => tokens.issuer.forSystem(w, mcq, draft, clock.now()));
    expect(await check(token)).toMatchObject({
      ok: true,
      state: { kind: 'system', sessionId: null, account: { roles: [] } },
    });
    expect(Object.keys(decode(segments(token)[1]))).toEqual(Object.keys(claims()).filter((name) => name !== 'sid'));
  });

  it('IA-65 is asked for signatures that were verified; the least recently used leaves', async () => {
    tokens = createTokens(temp, 2);
    const others = [1, 2].map(() =>
      temp.store.change((w) => tokens.issuer.forSession(w, ann, opened.session, ['mcq'], clock.now())),
    );
    for (const { token } of [good, ...others.slice(0, 1), good, ...others.slice(1), good]) await check(token);
    expect(tokens.verifier.stats()).toEqual({ entries: 2, capacity: 2, hits: 2, misses: 3, evictions: 1 });
  });
});
