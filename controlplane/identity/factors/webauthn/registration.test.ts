import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { listPasskeys, renamePasskey } from './passkeys.ts';
import type { NewPasskey } from './registration.ts';
import { settleRpId } from './relying-party.ts';
import { now, openPasskeyFixture, origin, outcomeOf, type PasskeyFixture, ttlMs } from './test/passkey-fixture.ts';
import { createSoftwareAuthenticator, type Lies } from './test/software-authenticator.ts';
import { userHandleOf } from './user-handle.ts';

let fixture: PasskeyFixture;
let ann: string;
beforeEach(async () => {
  fixture = await openPasskeyFixture();
  ann = fixture.addAccount('ann');
});
afterEach(() => fixture[Symbol.dispose]());

const registrant = () => ({ accountId: ann, sessionId: 's1' });
const names = { name: 'ann', displayName: '' };
const begin = () => fixture.store.change((w) => fixture.registration.begin(w, registrant(), names, now));

describe('registration of passkeys', () => {
  it('IA-19 asks for a discoverable, verified passkey of the three algorithms, without attestation', () => {
    const { ticket, publicKey } = begin();
    expect(publicKey).toEqual({
      rp: { id: 'mcias.example.test', name: 'mcias' },
      user: { id: userHandleOf(ann), name: 'ann', displayName: 'ann' },
      challenge: ticket,
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ alg, type: 'public-key' })),
      timeout: ttlMs,
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      attestation: 'none',
    });
    expect(Buffer.from(publicKey.user.id, 'base64url')).toHaveLength(16);
  });

  it('keeps the credential sealed, and knows it again', async () => {
    const { authenticator, passkey } = await fixture.enrol(ann);
    expect(passkey).toMatchObject({
      accountId: ann,
      name: 'laptop',
      createdAt: now,
      suspendedAt: null,
      backedUp: false,
    });
    const raw = Buffer.from(authenticator.credentialId, 'base64url');
    for (const end of ['', '-wal']) {
      const file = readFileSync(fixture.path + end);
      expect(file.includes(raw) || file.includes(authenticator.credentialId)).toBe(false);
    }
    expect(begin().publicKey.excludeCredentials).toEqual([{ id: authenticator.credentialId, type: 'public-key' }]);
  });

  it.each([
    ['a wrong origin', { origin: 'https://evil.test' }, 'origin_mismatch'],
    ['crossOrigin true, which the library does not look at', { crossOrigin: true }, 'origin_mismatch'],
    ['another rpIdHash', { rpId: 'evil.test' }, 'rp_mismatch'],
    ['no user verification', { userVerified: false }, 'uv_missing'],
    ['no user presence', { userPresent: false }, 'uv_missing'],
    ['an algorithm outside the list', { alg: -47 }, 'alg_not_allowed'],
    ['a response of a login', { type: 'webauthn.get' }, 'bad_signature'],
  ] satisfies [string, Lies, string][])('IA-21 bad input rows 23 and 25: %s is refused', async (_, lies, reason) => {
    const { ticket, publicKey } = begin();
    const response = createSoftwareAuthenticator(origin).create(publicKey, lies);
    expect(await outcomeOf(fixture.registration.verify(registrant(), ticket, response, now))).toBe(
      `invalid_credentials ${reason}`,
    );
  });

  it('IA-20 consumes its challenge, and takes none of another session, account or purpose', async () => {
    const authenticator = createSoftwareAuthenticator(origin);
    const { ticket, publicKey } = begin();
    const response = authenticator.create(publicKey);
    const verify = (who = registrant(), at = now, challenge = ticket) =>
      outcomeOf(fixture.registration.verify(who, challenge, response, at));
    expect(await verify({ accountId: ann, sessionId: 's2' })).toBe('invalid_credentials ticket_invalid');
    expect(await verify()).toBe('invalid_credentials challenge_consumed');

    const login = fixture.store.change((w) => fixture.authentication.begin(w, { kind: 'login' }, now));
    const misused = authenticator.create({ ...publicKey, challenge: login.ticket });
    expect(await outcomeOf(fixture.registration.verify(registrant(), login.ticket, misused, now))).toBe(
      'invalid_credentials challenge_consumed',
    );
    const late = begin();
    expect(
      await outcomeOf(
        fixture.registration.verify(registrant(), late.ticket, authenticator.create(late.publicKey), now + ttlMs),
      ),
    ).toBe('invalid_credentials challenge_consumed');
  });

  it('refuses an authenticator that is registered already, for whomever', async () => {
    const { authenticator } = await fixture.enrol(ann);
    const bob = { accountId: fixture.addAccount('bob'), sessionId: 's2' };
    const { ticket, publicKey } = fixture.store.change((w) => fixture.registration.begin(w, bob, names, now));
    const made = await fixture.registration.verify(bob, ticket, authenticator.create(publicKey), now);
    expect(await outcomeOf(() => fixture.store.change((w) => fixture.registration.add(w, made, 'x', now)))).toBe(
      'already_exists',
    );
  });

  it('IA-65 an account has at most 20, at the begin and, when two are made side by side, at the end', async () => {
    const waiting: NewPasskey[] = [];
    for (let n = 0; n < 19; n++) await fixture.enrol(ann, { kind: 'EdDSA' });
    for (let n = 0; n < 2; n++) {
      const { ticket, publicKey } = begin();
      const response = createSoftwareAuthenticator(origin).create(publicKey);
      waiting.push(await fixture.registration.verify(registrant(), ticket, response, now));
    }
    const add = (made: NewPasskey) =>
      outcomeOf(() => fixture.store.change((w) => fixture.registration.add(w, made, 'one more', now)));
    expect([await add(waiting[0]!), await add(waiting[1]!)]).toEqual(['done', 'table_full table_full']);
    expect(await outcomeOf(() => begin())).toBe('table_full table_full');
    expect(listPasskeys(fixture.store.reader, ann)).toHaveLength(20);
  });

  it('are renamed and removed by their owner alone', async () => {
    const { passkey } = await fixture.enrol(ann);
    const bob = fixture.addAccount('bob');
    const rename = (who: string, name: string) =>
      outcomeOf(() => fixture.store.change((w) => renamePasskey(w, who, passkey.id, name)));
    expect(await rename(ann, 'phone')).toBe('done');
    expect(await rename(bob, 'mine')).toBe('not_found');
    for (const name of ['', 'x'.repeat(65), 'a\nb', '\ud800']) expect(await rename(ann, name)).toBe('invalid_argument');
    expect(listPasskeys(fixture.store.reader, ann)).toMatchObject([{ name: 'phone' }]);
  });
});

describe('domain of passkeys', () => {
  it('IA-23 a changed rp_id is refused at start while passkeys exist, saying how many and which flag accepts it', async () => {
    const settle = (rpId: string, accept = false) => settleRpId(fixture.store, rpId, accept, now);
    expect(settle('old.example.test')).toBe(0);
    expect(settle('mcias.example.test')).toBe(0);
    await fixture.enrol(ann);
    await fixture.enrol(ann);
    expect(settle('mcias.example.test')).toBe(0);
    expect(() => settle('new.example.test')).toThrow(/the 2 passkeys .* --accept-rp-id-change/);
    expect(listPasskeys(fixture.store.reader, ann)).toHaveLength(2);
    expect(settle('new.example.test', true)).toBe(2);
    expect(listPasskeys(fixture.store.reader, ann)).toEqual([]);
    expect(() => settle('new.example.test')).not.toThrow();
  });
});
