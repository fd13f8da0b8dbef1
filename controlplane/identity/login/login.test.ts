import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { toWire } from '../../../mcdsl/errors/index.ts';
import { addAccount } from '../test-support/add-account.ts';
import { countHashes } from '../test-support/count-hashes.ts';
import type { PasswordAttempt } from './index.ts';
import { from, type LoginFixture, openLoginFixture, outcomeOf, password } from './test/login-fixture.ts';

let fixture: LoginFixture;
let ann: string;
beforeEach(async () => {
  fixture = await openLoginFixture();
  ann = await fixture.addPerson('ann');
});
afterEach(() => fixture[Symbol.dispose]());

const attempt = (fields: Partial<PasswordAttempt> = {}, origin = from) =>
  fixture.login.password({ username: 'ann', password, secondFactor: null, ...fields }, origin);
const tried = (fields: Partial<PasswordAttempt> = {}, origin = from) => outcomeOf(attempt(fields, origin));
const rows = () => fixture.options.softLocks.stats(fixture.store.reader).rows;
const locked = 'account_locked account_locked';

describe('login with a password', () => {
  it('verifies, and a complete login forgets the failures', async () => {
    expect(await tried({ password: 'wrong' })).toBe('invalid_credentials wrong_password');
    fixture.clock.advance(1_000);
    const verified = await attempt();
    expect(verified).toMatchObject({ kind: 'verified', amr: ['pwd'], account: { id: ann, name: 'ann' } });
    expect(rows()).toBe(1);
    fixture.store.change((w) => fixture.login.complete(w, verified.account));
    expect(rows()).toBe(0);
    expect(fixture.store.reader.get('SELECT last_login_at FROM accounts WHERE id = ?', [ann])).toEqual({
      last_login_at: fixture.clock.now(),
    });
  });

  it('IA-14 bad input row 11: unknown, disabled, system and passwordless accounts answer as a wrong password does, after one hash', async () => {
    const disabled = await fixture.addPerson('disabled');
    fixture.store.change((w) => w.run("UPDATE accounts SET status = 'disabled' WHERE id = ?", [disabled]));
    addAccount(fixture.store, 'robot', 'system');
    addAccount(fixture.store, 'fresh');
    const answers = [];
    for (const [username, given, reason] of [
      ['nobody', password, 'unknown_account'],
      ['disabled', password, 'account_disabled'],
      ['robot', password, 'system_login'],
      ['fresh', password, 'no_password'],
      ['ann', 'wrong', 'wrong_password'],
    ] as const) {
      using hashes = countHashes();
      const error = await attempt({ username, password: given }).catch((thrown: unknown) => thrown);
      expect(hashes.count()).toBe(1);
      expect(await outcomeOf(() => Promise.reject(error))).toBe(`invalid_credentials ${reason}`);
      answers.push(toWire(error, () => expect.unreachable()));
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(fixture.auditedReasons()).toEqual([
      'unknown_account',
      'account_disabled',
      'system_login',
      'no_password',
      'wrong_password',
    ]);
  });

  it('IA-61 bad input row 12: spellings of one name share one counter, and the lock begins at the sum', async () => {
    expect(await tried({ username: 'Ann', password: 'wrong' })).toBe('invalid_credentials wrong_password');
    fixture.clock.advance(1_000);
    expect(await tried({ username: 'ANN', password: 'wrong' })).toBe('invalid_credentials wrong_password');
    fixture.clock.advance(1_000);
    expect(await tried({ username: 'ann', password: 'wrong' })).toBe('invalid_credentials wrong_password');
    fixture.clock.advance(1_000);
    expect(await tried({ username: 'aNn' })).toBe(`${locked} 2s`);
    expect(rows()).toBe(1);
    expect(fixture.auditedReasons().at(-1)).toBe('account_locked');
  });

  it.each(['ann ', ' ann', 'аnn', 'a\u0000nn', `a${'b'.repeat(32)}`, 'a', '', '1ann', 'ann\n', 'ＡＮＮ'])(
    'IA-7 bad input row 13: the name %j is refused without a hash or a row; the address counts',
    async (username) => {
      using hashes = countHashes();
      expect(await tried({ username })).toBe('invalid_argument bad_name');
      expect([hashes.count(), rows()]).toEqual([0, 0]);
      using strict = await openLoginFixture(1);
      const again = () => outcomeOf(strict.login.password({ username, password, secondFactor: null }, from));
      expect([await again(), await again()]).toEqual(['invalid_argument bad_name', 'rate_limited rate_limited 2s']);
    },
  );

  it('IA-61 bad input row 14: the right password during the soft lock starts no hash and is not counted', async () => {
    await tried({ password: 'wrong' });
    using hashes = countHashes();
    expect([await tried(), await tried()]).toEqual([`${locked} 1s`, `${locked} 1s`]);
    expect(hashes.count()).toBe(0);
    fixture.clock.advance(1_000);
    expect(await tried()).toBe('verified');
  });

  it('IA-61 who waits in the queue behind a failure of the same name is refused without a hash', async () => {
    using hashes = countHashes();
    const outcomes = await Promise.all(Array.from({ length: 40 }, () => tried({ password: 'wrong' })));
    const wrong = outcomes.filter((outcome) => outcome === 'invalid_credentials wrong_password');
    expect(wrong.length).toBeLessThanOrEqual(4);
    expect(hashes.count()).toBe(wrong.length);
    expect(outcomes.filter((outcome) => outcome.startsWith(locked))).toHaveLength(40 - wrong.length);
  });

  it('bad input row 17: a lone surrogate is refused without a hash or a count', async () => {
    expect(await tried({ password: '\ud800' })).toBe('invalid_argument bad_encoding');
    expect(rows()).toBe(0);
  });

  it('IA-64 the bucket of an address counts every try, of others nothing', async () => {
    using strict = await openLoginFixture(2);
    await strict.addPerson('ann');
    const from4 = (ip: string) =>
      outcomeOf(strict.login.password({ username: 'ann', password, secondFactor: null }, { ...from, ip }));
    expect(await from4('2001:db8::1')).toBe('verified');
    expect(await from4('2001:db8::2')).toBe('verified');
    expect(await from4('2001:db8::3')).toBe('rate_limited rate_limited 2s');
    expect(await from4('2001:db8:0:1::1')).toBe('verified');
    strict.clock.advance(2_000);
    expect(await from4('2001:db8::3')).toBe('verified');
  });

  it('an account that is disabled while its hash runs is not let in', async () => {
    const verifying = attempt();
    fixture.store.change((w) => w.run("UPDATE accounts SET status = 'disabled' WHERE id = ?", [ann]));
    expect(await outcomeOf(verifying)).toBe('invalid_credentials account_disabled');
  });

  it('IA-11 a rehash is audited', async () => {
    fixture.options.passwords.setSettings({
      params: { memoryKib: 128, passes: 2, parallelism: 1 },
      memoryCapBytes: 1 << 20,
      queue: 1,
      queueTimeoutMs: 1_000,
    });
    expect(await tried()).toBe('verified');
    const events = fixture.store.reader.all<{ event: string }>('SELECT event FROM audit');
    expect(events).toEqual([{ event: 'password.rehashed' }]);
  });

  it('IA-68 the audit log holds no password', async () => {
    await tried({ password: 'planted-password-1' });
    expect(JSON.stringify(fixture.store.reader.all('SELECT * FROM audit'))).not.toContain('planted-password-1');
  });
});
