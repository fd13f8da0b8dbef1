import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { PasskeyPurpose } from './authentication.ts';
import { listPasskeys, removePasskey } from './passkeys.ts';
import { now, openPasskeyFixture, origin, outcomeOf, type PasskeyFixture, ttlMs } from './test/passkey-fixture.ts';
import type { Lies, SoftwareAuthenticator } from './test/software-authenticator.ts';
import { userHandleOf } from './user-handle.ts';

let fixture: PasskeyFixture;
let ann: string;
beforeEach(async () => {
  fixture = await openPasskeyFixture();
  ann = fixture.addAccount('ann');
});
afterEach(() => fixture[Symbol.dispose]());

const begin = (purpose: PasskeyPurpose = { kind: 'login' }) =>
  fixture.store.change((w) => fixture.authentication.begin(w, purpose, now));

/** One whole login with the passkey, honest or not. */
async function login(authenticator: SoftwareAuthenticator, lies: Lies = {}) {
  const { ticket, publicKey } = begin();
  const response = authenticator.get(publicKey, lies);
  const proof = await fixture.authentication.verify({ kind: 'login' }, ticket, response, now);
  return fixture.store.change((w) => fixture.authentication.accept(w, proof, now));
}

const suspended = () => listPasskeys(fixture.store.reader, ann).map(({ suspendedAt }) => suspendedAt);

describe('login by passkey', () => {
  it.each(['EdDSA', 'ES256', 'RS256'] as const)('IA-19 a passkey with %s alone logs its account in', async (kind) => {
    const { authenticator, passkey } = await fixture.enrol(ann, { kind });
    expect(await login(authenticator)).toEqual({ kind: 'accepted', accountId: ann });
    expect(await login(authenticator)).toEqual({ kind: 'accepted', accountId: ann });
    expect(listPasskeys(fixture.store.reader, ann)).toEqual([{ ...passkey, lastUsedAt: now }]);
  });

  it('IA-19 asks for a discoverable passkey with user verification and names none', async () => {
    await fixture.enrol(ann);
    const { ticket, publicKey } = begin();
    expect(publicKey).toEqual({
      rpId: 'mcias.example.test',
      challenge: ticket,
      timeout: ttlMs,
      userVerification: 'required',
      allowCredentials: [],
    });
    expect(Buffer.from(publicKey.challenge, 'base64url')).toHaveLength(32);
  });

  it('IA-20 bad input row 22: a response is good once, though its signature verifies twice', async () => {
    const { authenticator } = await fixture.enrol(ann, { counts: false });
    const { ticket, publicKey } = begin();
    const response = authenticator.get(publicKey);
    const verify = () => fixture.authentication.verify({ kind: 'login' }, ticket, response, now);
    expect((await Promise.all([outcomeOf(verify()), outcomeOf(verify())])).toSorted()).toEqual([
      'done',
      'invalid_credentials challenge_consumed',
    ]);
    expect(await outcomeOf(verify())).toBe('invalid_credentials challenge_consumed');
  });

  it('IA-20 a challenge is consumed by a response that is refused, expires, and cannot be made up', async () => {
    const { authenticator } = await fixture.enrol(ann);
    const verify = (ticket: string, response: unknown, at = now) =>
      outcomeOf(fixture.authentication.verify({ kind: 'login' }, ticket, response, at));
    const first = begin();
    expect(await verify(first.ticket, authenticator.get(first.publicKey, { origin: 'https://evil.test' }))).toBe(
      'invalid_credentials origin_mismatch',
    );
    expect(await verify(first.ticket, authenticator.get(first.publicKey))).toBe(
      'invalid_credentials challenge_consumed',
    );
    const second = begin();
    expect(await verify(second.ticket, authenticator.get(second.publicKey), now + ttlMs)).toBe(
      'invalid_credentials challenge_consumed',
    );
    const third = begin();
    expect(await verify('x'.repeat(43), authenticator.get(third.publicKey))).toBe(
      'invalid_credentials challenge_consumed',
    );
    const madeUp = 'A'.repeat(43);
    expect(await verify(madeUp, authenticator.get({ ...third.publicKey, challenge: madeUp }))).toBe(
      'invalid_credentials challenge_consumed',
    );
  });

  it.each([
    ['a wrong origin', { origin: 'https://evil.test' }, 'origin_mismatch'],
    ['another port of the origin', { origin: `${origin}:8443` }, 'origin_mismatch'],
    ['crossOrigin true without topOrigin, which the library accepts', { crossOrigin: true }, 'origin_mismatch'],
    ['crossOrigin with a topOrigin', { crossOrigin: true, topOrigin: origin }, 'origin_mismatch'],
    ['a topOrigin alone', { topOrigin: 'https://evil.test' }, 'origin_mismatch'],
    ['crossOrigin as text', { crossOrigin: 'false' }, 'origin_mismatch'],
    ['another rpIdHash', { rpId: 'evil.test' }, 'rp_mismatch'],
    ['the parent domain as rpId', { rpId: 'example.test' }, 'rp_mismatch'],
    ['no user verification', { userVerified: false }, 'uv_missing'],
    ['no user presence', { userPresent: false }, 'uv_missing'],
    ['a zeroed signature', { signature: (honest) => Buffer.alloc(honest.length) }, 'bad_signature'],
    ['a signature with one bit changed', { signature: flipLastBit }, 'bad_signature'],
    ['a short signature', { signature: () => Buffer.of(0) }, 'bad_signature'],
    ['a response of a registration', { type: 'webauthn.create' }, 'bad_signature'],
    ['no user handle', { userHandle: null }, 'wrong_owner'],
    [
      "another account's user handle",
      { userHandle: userHandleOf('00000000-0000-4000-8000-000000000009') },
      'wrong_owner',
    ],
  ] satisfies [string, Lies, string][])('IA-21 bad input rows 23 and 25: %s is refused', async (_, lies, reason) => {
    for (const kind of ['ES256', 'EdDSA'] as const) {
      const { authenticator } = await fixture.enrol(ann, { kind });
      expect(await outcomeOf(login(authenticator, lies))).toBe(`invalid_credentials ${reason}`);
      expect(await login(authenticator)).toMatchObject({ kind: 'accepted' });
    }
  });

  it('IA-21 a passkey that nobody registered, or that was removed, is unknown', async () => {
    const { authenticator, passkey } = await fixture.enrol(ann);
    fixture.store.change((w) => removePasskey(w, ann, passkey.id));
    expect(await outcomeOf(login(authenticator))).toBe('invalid_credentials unknown_passkey');
  });

  it.each([
    undefined,
    null,
    {},
    { id: 'a', rawId: 'b', type: 'public-key', response: {} },
    {
      id: 'AAAA',
      rawId: 'AAAA',
      type: 'public-key',
      response: { clientDataJSON: '!', authenticatorData: 'AA', signature: 'AA' },
    },
    {
      id: 'AAAA',
      rawId: 'AAAA',
      type: 'public-key',
      response: { clientDataJSON: 'AAAA', authenticatorData: 'AA', signature: 'AA' },
    },
  ])('IA-21 what is no response is invalid_argument: %j', async (response) => {
    const refused = fixture.authentication.verify({ kind: 'login' }, null, response, now);
    expect(await outcomeOf(refused)).toBe('invalid_argument bad_json');
  });
});

describe('signature counter', () => {
  it('IA-22 bad input row 24: one that did not grow is refused and suspends the passkey', async () => {
    const { authenticator } = await fixture.enrol(ann);
    for (let n = 0; n < 3; n++) await login(authenticator);
    expect(await login(authenticator, { counter: 4 })).toEqual({ kind: 'refused', reason: 'counter_regression' });
    expect(suspended()).toEqual([now]);
    expect(await outcomeOf(login(authenticator))).toBe('invalid_credentials passkey_suspended');
    const { authenticator: other } = await fixture.enrol(ann);
    expect(await login(other)).toMatchObject({ kind: 'accepted' });
  });

  it('IA-22 one that fell to 0 is refused; 0 on both sides is an authenticator without one', async () => {
    const { authenticator } = await fixture.enrol(ann);
    expect(await login(authenticator, { counter: 0 })).toMatchObject({ reason: 'counter_regression' });
    const { authenticator: synced } = await fixture.enrol(ann, { counts: false });
    for (let n = 0; n < 3; n++) expect(await login(synced)).toMatchObject({ kind: 'accepted' });
  });

  it('IA-22 a forged response with a low counter suspends nothing', async () => {
    const { authenticator } = await fixture.enrol(ann);
    await login(authenticator);
    const forged = login(authenticator, { counter: 1, signature: (honest) => Buffer.alloc(honest.length) });
    expect(await outcomeOf(forged)).toBe('invalid_credentials bad_signature');
    expect(suspended()).toEqual([null]);
  });

  it('IA-22 of two proofs with one counter, made side by side, one is accepted', async () => {
    const { authenticator } = await fixture.enrol(ann);
    const proofs = [];
    for (let n = 0; n < 2; n++) {
      const { ticket, publicKey } = begin();
      const response = authenticator.get(publicKey, { counter: 9 });
      proofs.push(await fixture.authentication.verify({ kind: 'login' }, ticket, response, now));
    }
    const answers = proofs.map((proof) => fixture.store.change((w) => fixture.authentication.accept(w, proof, now)));
    expect(answers).toEqual([
      { kind: 'accepted', accountId: ann },
      { kind: 'refused', reason: 'counter_regression' },
    ]);
  });
});

describe('passkey as second factor and for step-up', () => {
  const mfaTicket = 'm'.repeat(43);
  const second = (): PasskeyPurpose => ({ kind: 'second_factor', accountId: ann, mfaTicket });
  const stepUp = (sessionId = 's1'): PasskeyPurpose => ({ kind: 'step_up', accountId: ann, sessionId });

  it('IA-19 serves after a password, and names the passkeys that may answer', async () => {
    const { authenticator } = await fixture.enrol(ann);
    const { publicKey } = begin(second());
    expect(publicKey.allowCredentials).toEqual([{ id: authenticator.credentialId, type: 'public-key' }]);
    const proof = await fixture.authentication.verify(
      second(),
      null,
      authenticator.get(publicKey, { userHandle: null }),
      now,
    );
    expect(proof.accountId).toBe(ann);
  });

  it('IA-20 a challenge serves only the purpose, ticket and session that it was made for', async () => {
    const { authenticator } = await fixture.enrol(ann);
    const bob = fixture.addAccount('bob');
    const pairs: [PasskeyPurpose, PasskeyPurpose][] = [
      [{ kind: 'login' }, second()],
      [second(), { kind: 'login' }],
      [second(), stepUp()],
      [second(), { kind: 'second_factor', accountId: ann, mfaTicket: 'n'.repeat(43) }],
      [second(), { kind: 'second_factor', accountId: bob, mfaTicket }],
      [stepUp(), stepUp('s2')],
    ];
    for (const [made, used] of pairs) {
      const response = authenticator.get(begin(made).publicKey);
      expect(await outcomeOf(fixture.authentication.verify(used, null, response, now))).toBe(
        'invalid_credentials ticket_invalid',
      );
    }
    const response = authenticator.get(begin(stepUp()).publicKey);
    expect(await outcomeOf(fixture.authentication.verify(stepUp(), null, response, now))).toBe('done');
  });

  it("IA-21 bad input row 25: another account's passkey is refused", async () => {
    const bob = fixture.addAccount('bob');
    const { authenticator } = await fixture.enrol(bob);
    const response = authenticator.get(begin(second()).publicKey);
    expect(await outcomeOf(fixture.authentication.verify(second(), null, response, now))).toBe(
      'invalid_credentials wrong_owner',
    );
  });
});

function flipLastBit(honest: Buffer): Buffer {
  const changed = Buffer.from(honest);
  changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
  return changed;
}
