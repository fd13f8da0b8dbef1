import { createHmac, createSecretKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';

import { wycheproofGroups } from '../test-support/wycheproof.ts';
import { parseCompact, verifySignature } from './jws.ts';

type Group = {
  readonly publicKeyJwk: { readonly x: string };
  readonly tests: readonly {
    readonly tcId: number;
    readonly msg: string;
    readonly sig: string;
    readonly result: string;
  }[];
};

describe('IA-39 Wycheproof ed25519', () => {
  const groups = wycheproofGroups<Group>('ed25519_test');

  it('the primitive below jose: every vector is judged as it should be', async () => {
    expect(groups.length).toBeGreaterThan(50);
    for (const { publicKeyJwk, tests } of groups) {
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKeyJwk.x };
      const key = await webcrypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify']);
      for (const { tcId, msg, sig, result } of tests) {
        const isValid = await webcrypto.subtle.verify('Ed25519', key, Buffer.from(sig, 'hex'), Buffer.from(msg, 'hex'));
        expect([tcId, isValid]).toEqual([tcId, result === 'valid']);
      }
    }
  });
});

describe('IA-39 forms of JSON Web Signatures, named after the cases of Wycheproof json_web_signature', () => {
  const secret = randomBytes(32);
  const key = createSecretKey(secret);
  const encode = (text: string): string => Buffer.from(text).toString('base64url');
  const mac = (signed: string): string => createHmac('sha256', secret).update(signed).digest('base64url');
  const head = encode('{"alg":"HS256","kid":"hs256-key"}');
  const good = `${head}.${encode('Test')}.${mac(`${head}.${encode('Test')}`)}`;
  const signed = (header: string, payload: string): string => `${header}.${payload}.${mac(`${header}.${payload}`)}`;

  it('the control: a good one is accepted by jose and by us', async () => {
    expect([await verifySignature(good, key, 'HS256'), parseCompact(good).ok]).toEqual([true, true]);
  });

  it.each([
    ['360: spaces before the signature', good.replace(/\.(?=[^.]*$)/, '.    ')],
    ['365: spaces after the header', signed(`${head}    `, encode('Test'))],
    ['368: spaces before the payload', signed(head, `    ${encode('Test')}`)],
    ['370: padding after the payload', signed(head, `${encode('Test')}==`)],
    ['367: padding after the signature', `${good}=`],
    ['375: bits beyond the last byte of the payload', signed(head, 'AB')],
    ['a newline at the end', `${good}\n`],
    ['the other alphabet of base64', signed(head, '+/+/')],
  ])('%s', (_name, jws) => {
    expect(parseCompact(jws)).toMatchObject({ ok: false, reason: 'not_canonical' });
  });

  it('jose alone would take those with spaces and with other bits of the same bytes', async () => {
    const lax = [signed(`${head}    `, encode('Test')), signed(head, `    ${encode('Test')}`), signed(head, 'AB')];
    for (const jws of lax) expect(await verifySignature(jws, key, 'HS256')).toBe(true);
  });

  it.each([
    ['no signature', `${good.slice(0, good.lastIndexOf('.'))}.`],
    ['no header', good.slice(good.indexOf('.'))],
    ['two segments', good.slice(0, good.lastIndexOf('.'))],
    ['four segments', `${good}.AA`],
    ['a header that is no object', signed(encode('[]'), encode('Test'))],
    ['a critical header', signed(encode('{"alg":"HS256","crit":["x"],"x":1}'), encode('Test'))],
    ['a header that is no UTF-8', signed(Buffer.of(0x7b, 0xff, 0x7d).toString('base64url'), encode('Test'))],
  ])('%s is malformed', (_name, jws) => {
    expect(parseCompact(jws)).toMatchObject({ ok: false, reason: 'malformed' });
  });

  it('a changed signature, a changed payload and another algorithm do not verify', async () => {
    const [header = '', , signature = ''] = good.split('.');
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    expect(await verifySignature(`${header}.${encode('Test')}.${flipped}`, key, 'HS256')).toBe(false);
    expect(await verifySignature(`${header}.${encode('Text')}.${signature}`, key, 'HS256')).toBe(false);
    expect(await verifySignature(good, key, 'HS512')).toBe(false);
    const none = `${encode('{"alg":"none"}')}.${encode('Test')}.${signature}`;
    expect(await verifySignature(none, key, 'HS256')).toBe(false);
  });

  it('a token that another library signed in the same form is the same to us', async () => {
    const pair = generateKeyPairSync('ed25519');
    const token = await new SignJWT({ a: 1 }).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt' }).sign(pair.privateKey);
    expect(await verifySignature(token, pair.publicKey, 'EdDSA')).toBe(true);
    expect(await verifySignature(token, pair.publicKey, 'RS256')).toBe(false);
  });
});
