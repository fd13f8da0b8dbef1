import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createPasswords } from '../passwords/index.ts';
import { createRecoveryCodes } from './recovery-codes.ts';
import { createTotpFactors, type TotpFactors } from './totp-factors.ts';
import { hasSecondFactor, readWays, requireEnrolled, requireWayIn, secondFactorMethods } from './ways.ts';
import { removePasskey } from './webauthn/passkeys.ts';
import { now, openPasskeyFixture, type PasskeyFixture } from './webauthn/test/passkey-fixture.ts';

let fixture: PasskeyFixture;
let totp: TotpFactors;
let ann: string;
beforeEach(async () => {
  fixture = await openPasskeyFixture();
  ann = fixture.addAccount('ann');
  totp = createTotpFactors({ sealer: fixture.sealer, issuer: 'mcias', skew: () => 1 });
});
afterEach(() => fixture[Symbol.dispose]());

const ways = () => readWays(fixture.store.reader, ann);

async function setPassword(): Promise<void> {
  const params = { memoryKib: 64, passes: 2, parallelism: 1 };
  const passwords = createPasswords({
    params,
    memoryCapBytes: 65_536,
    queue: 1,
    queueTimeoutMs: 1_000,
    store: fixture.store,
    sealer: fixture.sealer,
  });
  const hashed = await passwords.hash('a password of ann');
  fixture.store.change((w) => passwords.store(w, ann, hashed, now));
}

function enrolTotp(): void {
  const { secret } = fixture.store.change((w) => totp.begin(w, { id: ann, name: 'ann' }, now));
  expect(secret).toHaveLength(32);
  // The row alone matters here; how it is confirmed is tested with the factor.
  fixture.store.change((w) => w.run('UPDATE totp SET confirmed_at = ? WHERE account_id = ?', [now, ann]));
}

describe('ways to log in', () => {
  it('are counted as they are enrolled; a TOTP that waits and a suspended passkey are none', async () => {
    expect(ways()).toEqual({ hasPassword: false, hasTotp: false, passkeys: 0, recoveryCodesLeft: 0 });
    await setPassword();
    fixture.store.change((w) => totp.begin(w, { id: ann, name: 'ann' }, now));
    expect(ways()).toMatchObject({ hasPassword: true, hasTotp: false });
    const { passkey } = await fixture.enrol(ann);
    fixture.store.change((w) => createRecoveryCodes(fixture.sealer).create(w, ann, now));
    expect(ways()).toEqual({ hasPassword: true, hasTotp: false, passkeys: 1, recoveryCodesLeft: 10 });
    fixture.store.change((w) => w.run('UPDATE passkeys SET suspended_at = 1 WHERE id = ?', [passkey.id]));
    expect(ways()).toMatchObject({ passkeys: 0 });
    expect(secondFactorMethods(ways())).toEqual([]);
  });

  it('IA-24 recovery codes stand in for a second factor and are none', async () => {
    fixture.store.change((w) => createRecoveryCodes(fixture.sealer).create(w, ann, now));
    expect(hasSecondFactor(ways())).toBe(false);
    enrolTotp();
    expect(secondFactorMethods(ways())).toEqual(['totp', 'recovery_code']);
    await fixture.enrol(ann);
    expect(secondFactorMethods(ways())).toEqual(['totp', 'passkey', 'recovery_code']);
  });

  it('IA-25 the last of them cannot be removed; TOTP alone is no way in', async () => {
    const { passkey } = await fixture.enrol(ann);
    enrolTotp();
    const removeIt = () =>
      fixture.store.change((w) => {
        removePasskey(w, ann, passkey.id);
        requireWayIn(w, ann);
      });
    expect(removeIt).toThrow(expect.objectContaining({ code: 'last_factor' }));
    expect(ways()).toMatchObject({ passkeys: 1 });
    await setPassword();
    removeIt();
    expect(ways()).toMatchObject({ passkeys: 0, hasPassword: true });
  });

  it('IA-26 an admin without a second factor may only enrol one, while the configuration says so', async () => {
    await setPassword();
    const check =
      (isAdmin: boolean, required = true) =>
      () =>
        requireEnrolled(ways(), isAdmin, required);
    expect(check(true)).toThrow(expect.objectContaining({ code: 'mfa_enrollment_required' }));
    expect(check(true, false)).not.toThrow();
    expect(check(false)).not.toThrow();
    await fixture.enrol(ann);
    expect(check(true)).not.toThrow();
  });
});
