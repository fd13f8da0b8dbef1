import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { refusalOf } from '../errors.ts';
import { from, type LoginFixture, openLoginFixture, outcomeOf, password } from './test/login-fixture.ts';

let fixture: LoginFixture;
let ann: string;
beforeEach(async () => {
  fixture = await openLoginFixture();
  ann = await fixture.addPerson('ann');
});
afterEach(() => fixture[Symbol.dispose]());

const withCode = (kind: 'totp' | 'recovery', code: string) =>
  fixture.login.password({ username: 'ann', password, secondFactor: { kind, code } }, from);
const failures = () =>
  fixture.store.reader.get<{ failures: number }>("SELECT failures FROM throttle WHERE key = 'ann'")?.failures ?? 0;
const rest = () => fixture.clock.advance(10_000);

/** The password was right: a ticket for the rest. */
async function ticket(): Promise<string> {
  const step = await fixture.login.password({ username: 'ann', password, secondFactor: null }, from);
  expect(step.kind).toBe('second_factor_missing');
  return fixture.store.change((w) => fixture.login.wait(w, step.account, { service: 'mcq' })).ticket;
}
const resume = (mfa: string, kind: 'totp' | 'recovery', code: string) =>
  outcomeOf(fixture.login.secondFactor(mfa, { kind, code }, from));

describe('second factor', () => {
  it('IA-17 is asked for when one is enrolled, and given along with the password or after it', async () => {
    const codeOf = fixture.enrolTotp(ann);
    fixture.recoveryCodes(ann);
    const step = await fixture.login.password({ username: 'ann', password, secondFactor: null }, from);
    expect(step).toMatchObject({ kind: 'second_factor_missing', methods: ['totp', 'recovery_code'] });
    expect(await withCode('totp', codeOf())).toMatchObject({ kind: 'verified', amr: ['pwd', 'otp', 'mfa'] });
    const mfa = await ticket();
    const resumed = await fixture.login.secondFactor(mfa, { kind: 'totp', code: codeOf(1) }, from);
    expect(resumed).toMatchObject({ kind: 'verified', account: { id: ann }, login: { service: 'mcq' } });
  });

  it('IA-18 bad input rows 18 to 20: malformed, wrong and used codes are refused and counted; then the step is locked, uncounted', async () => {
    const codeOf = fixture.enrolTotp(ann);
    const code = codeOf();
    expect(await outcomeOf(withCode('totp', code))).toBe('verified');
    expect(await outcomeOf(withCode('totp', code))).toBe('invalid_credentials totp_replay');
    fixture.clock.advance(1_000);
    expect(await outcomeOf(withCode('totp', ' 123456'))).toBe('invalid_credentials totp_malformed');
    fixture.clock.advance(1_000);
    expect(await outcomeOf(withCode('totp', '１２３４５６'))).toBe('invalid_credentials totp_malformed');
    fixture.clock.advance(3_000);
    expect(failures()).toBe(3);
    expect(await outcomeOf(withCode('totp', codeOf(1)))).toBe('account_locked totp_locked 10s');
    expect(failures()).toBe(3);
    expect(fixture.auditedReasons()).toEqual(['totp_replay', 'totp_malformed', 'totp_malformed', 'totp_locked']);
    fixture.clock.advance(10_000);
    expect(await outcomeOf(withCode('totp', codeOf()))).toBe('verified');
  });

  it('IA-18 bad input row 19: of one code sent twice at once, one is accepted', async () => {
    const code = fixture.enrolTotp(ann)();
    const outcomes = await Promise.all([outcomeOf(withCode('totp', code)), outcomeOf(withCode('totp', code))]);
    expect(outcomes.toSorted()).toEqual(['invalid_credentials totp_replay', 'verified']);
  });

  it('IA-24 bad input row 21: a recovery code works once, audited with how many are left', async () => {
    fixture.enrolTotp(ann);
    const [code = ''] = fixture.recoveryCodes(ann);
    expect(await withCode('recovery', code)).toMatchObject({ kind: 'verified', amr: ['pwd', 'otp', 'mfa'] });
    const [used] = fixture.store.reader.all<{ event: string; details: string }>('SELECT event, details FROM audit');
    expect(used).toEqual({ event: 'recovery_codes.used', details: '{"left":9}' });
    expect(await outcomeOf(withCode('recovery', code))).toBe('invalid_credentials recovery_used');
    rest();
    expect(await outcomeOf(withCode('recovery', 'AAAA-AAAA-AAAA-AAAA'))).toBe('invalid_credentials recovery_wrong');
    expect(failures()).toBe(2);
  });

  it('bad input row 21: a ticket has five wrong tries, each counted to the name, and is good once', async () => {
    const codeOf = fixture.enrolTotp(ann);
    const [recovery = ''] = fixture.recoveryCodes(ann);
    const mfa = await ticket();
    for (let n = 0; n < 5; n++) {
      expect(await resume(mfa, 'recovery', 'wrong')).toBe('invalid_credentials recovery_wrong');
      expect(failures()).toBe(n + 1);
    }
    expect(await resume(mfa, 'recovery', recovery)).toBe('invalid_credentials ticket_invalid');
    rest();
    const other = await ticket();
    expect(await resume(other, 'totp', codeOf())).toBe('verified');
    expect(await resume(other, 'recovery', recovery)).toBe('invalid_credentials ticket_invalid');
    expect(fixture.auditedReasons().at(-1)).toBe('ticket_invalid');
    const late = await ticket();
    fixture.clock.advance(300_000);
    expect(await resume(late, 'totp', codeOf())).toBe('invalid_credentials ticket_invalid');
  });

  it('IA-19 a passkey serves as second factor; a refused one costs the ticket a try', async () => {
    const authenticator = await fixture.enrolPasskey(ann);
    const mfa = await ticket();
    const answer = (lies = {}) => {
      const response = authenticator.get(fixture.login.beginSecondPasskey(mfa), lies);
      return fixture.login.secondFactor(mfa, { kind: 'passkey', ticket: null, response }, from);
    };
    for (let n = 0; n < 4; n++) {
      expect(await outcomeOf(answer({ userVerified: false }))).toBe('invalid_credentials uv_missing');
    }
    expect(await answer()).toMatchObject({ kind: 'verified', amr: ['pwd', 'pop', 'user', 'mfa'] });
    expect(fixture.auditedReasons()).toEqual(Array.from({ length: 4 }, () => 'uv_missing'));
    expect(await outcomeOf(() => fixture.login.beginSecondPasskey(mfa))).toBe('invalid_credentials ticket_invalid');
  });
});

describe('login by passkey', () => {
  async function passkeyLogin(authenticator: Awaited<ReturnType<LoginFixture['enrolPasskey']>>, lies = {}) {
    const { ticket, publicKey } = fixture.login.beginPasskey(from);
    return await fixture.login.passkey({ kind: 'passkey', ticket, response: authenticator.get(publicKey, lies) }, from);
  }

  it('IA-62 a locked password does not block it', async () => {
    const authenticator = await fixture.enrolPasskey(ann);
    await outcomeOf(fixture.login.password({ username: 'ann', password: 'wrong', secondFactor: null }, from));
    expect(await outcomeOf(withCode('totp', '123456'))).toBe('account_locked account_locked 1s');
    expect(await passkeyLogin(authenticator)).toMatchObject({ kind: 'verified', amr: ['pop', 'user', 'mfa'] });
  });

  it('IA-22 bad input row 24: a lower counter is refused, audited, and the passkey suspended', async () => {
    const authenticator = await fixture.enrolPasskey(ann);
    await passkeyLogin(authenticator);
    expect(await outcomeOf(passkeyLogin(authenticator, { counter: 1 }))).toBe('invalid_credentials counter_regression');
    const events = fixture.store.reader.all<{ event: string; reason: string }>('SELECT event, reason FROM audit');
    expect(events).toEqual([
      { event: 'passkey.suspended', reason: '' },
      { event: 'login.refused', reason: 'counter_regression' },
    ]);
    expect(await outcomeOf(passkeyLogin(authenticator))).toBe('invalid_credentials passkey_suspended');
  });

  it('refuses a disabled account, and counts the address', async () => {
    const authenticator = await fixture.enrolPasskey(ann);
    fixture.store.change((w) => w.run("UPDATE accounts SET status = 'disabled' WHERE id = ?", [ann]));
    expect(await outcomeOf(passkeyLogin(authenticator))).toBe('invalid_credentials account_disabled');
    using strict = await openLoginFixture(1);
    expect(await outcomeOf(() => strict.login.beginPasskey(from))).toBe('done');
    expect(await outcomeOf(() => strict.login.beginPasskey(from))).toBe('rate_limited rate_limited 2s');
  });
});

describe('step-up', () => {
  const session = () => ({ id: 's1', accountId: ann });
  const code = (text: string) => ({ kind: 'totp', code: text }) as const;

  it('takes the password, and the code where a second factor is enrolled', async () => {
    expect(await fixture.stepUp.password(session(), password, null, from)).toEqual(['pwd']);
    const codeOf = fixture.enrolTotp(ann);
    const missing = await fixture.stepUp.password(session(), password, null, from).catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: 'mfa_required', details: { methods: ['totp'] } });
    expect(await fixture.stepUp.password(session(), password, code(codeOf()), from)).toEqual(['pwd', 'otp', 'mfa']);
    expect(await outcomeOf(fixture.stepUp.password(session(), 'wrong', null, from))).toBe(
      'invalid_credentials wrong_password',
    );
    expect(await outcomeOf(fixture.stepUp.password(session(), password, null, from))).toBe(
      'account_locked account_locked 1s',
    );
  });

  it('IA-20 takes a passkey, for the session that asked for it', async () => {
    const authenticator = await fixture.enrolPasskey(ann);
    const answer = (asked: string, used: string) => {
      const { ticket, publicKey } = fixture.stepUp.beginPasskey({ ...session(), id: asked });
      const response = authenticator.get(publicKey);
      return fixture.stepUp.passkey({ ...session(), id: used }, { kind: 'passkey', ticket, response }, from);
    };
    expect(await answer('s1', 's1')).toEqual(['pop', 'user', 'mfa']);
    const refused = await answer('s1', 's2').catch((error: unknown) => error);
    expect(refusalOf(refused)?.reason).toBe('ticket_invalid');
  });
});
