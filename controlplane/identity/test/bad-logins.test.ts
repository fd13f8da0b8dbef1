import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { everything, listAudit } from '../audit/index.ts';
import { countedRefusals, reasonsOf } from '../test-support/counted.ts';
import { createRestClient, said, type RestAnswer, type RestClient } from '../test-support/rest-client.ts';
import { createMciasFolder, testPassword, type MciasFolder, type RunningMcias } from '../test-support/running-mcias.ts';

let folder: MciasFolder;
let mcias: RunningMcias;
let rest: RestClient;
let codes: readonly string[];
let totp: (offset?: number) => string;

beforeAll(async () => {
  folder = await createMciasFolder();
  await folder.addPerson('ann', ['user']);
  const off = await folder.addPerson('off', ['user']);
  await folder.addService('mcr');
  const eve = await folder.addPerson('eve', ['user']);
  totp = await folder.enrolTotp(eve);
  codes = await folder.rooms(({ store, recovery }) => store.change((w) => recovery.create(w, eve.id, Date.now())));
  await folder.addPerson('rec', ['user']);
  await folder.rooms(({ store }) =>
    store.change((w) => w.run("UPDATE accounts SET status = 'disabled' WHERE id = ?", [off.id])),
  );
  mcias = await folder.start();
  rest = createRestClient(mcias, folder.caPem);
});
afterAll(async () => {
  rest[Symbol.dispose]();
  await mcias[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const login = (username: string, password = testPassword, more: object = {}): Promise<RestAnswer> =>
  rest.post('/v1/auth/login', { username, password, service_name: 'mcq', ...more });

async function expectReason(reason: string, answer: string, attempt: () => Promise<RestAnswer>): Promise<RestAnswer> {
  let last: RestAnswer | undefined;
  const reasons = await reasonsOf(mcias, async () => {
    last = await attempt();
    expect(said(last)).toBe(answer);
  });
  expect(reasons).toEqual([reason]);
  return last!;
}

/** What an attacker sees of a refusal, without what differs for each request. */
function seen({ status, text, headers }: RestAnswer): unknown {
  const { date: _date, 'x-request-id': _id, ...others } = headers;
  return { status, text, headers: others };
}

describe('IA-14 who cannot log in looks like whoever typed a wrong password', () => {
  it('row 11: unknown, disabled with the right password, a system account, a wrong password', async () => {
    const wrong = await expectReason('wrong_password', '401 invalid_credentials', () => login('ann', 'wrong password'));
    const cases = [
      ['nobody', 'unknown_account'],
      ['off', 'account_disabled'],
      ['mcr', 'system_login'],
    ] as const;
    for (const [name, reason] of cases) {
      const answer = await expectReason(reason, '401 invalid_credentials', () => login(name));
      expect(seen(answer)).toEqual(seen(wrong));
    }
  });
});

describe('bad input at login', () => {
  it('row 12: one counter for every spelling of a name', async () => {
    expect(said(await login('Op1'))).toBe('401 invalid_credentials');
    expect(said(await login('op1'))).toBe('429 account_locked');
    const rows = await folder.rooms(({ store }) =>
      store.reader.all("SELECT key FROM throttle WHERE kind = 'name' AND key LIKE 'op%'"),
    );
    expect(rows).toEqual([{ key: 'op1' }]);
  });

  it.each(['op1 ', 'оp1', 'op\u00001', 'o'.repeat(33), ''])('row 13: %j is no name', async (name) => {
    const answer = await expectReason('bad_name', '400 invalid_argument', () => login(name));
    expect(answer.body.error?.details).toEqual({ field: 'username' });
  });

  it('row 14: the right password during the soft lock', async () => {
    await expect.poll(async () => said(await login('ann', 'wrong'))).toBe('401 invalid_credentials');
    const answer = await expectReason('account_locked', '429 account_locked', () => login('ann'));
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  });

  it('row 16: a password of a megabyte, and a body over the limit', async () => {
    const answer = await expectReason('too_large', '413 too_large', () => login('ann', 'x'.repeat(2 ** 20)));
    expect(answer.body.error?.details).toMatchObject({ max_bytes: 65_536 });
  });

  it('row 17: half a surrogate pair, invalid UTF-8', async () => {
    const body = '{"username":"ann","password":"\\ud800xxxxxxxxxxx","service_name":"mcq"}';
    await expectReason('bad_encoding', '400 invalid_argument', () => rest.post('/v1/auth/login', body));
    const bytes = Buffer.from('{"username":"ann","password":"\xff","service_name":"mcq"}', 'latin1');
    await expectReason('bad_encoding', '400 invalid_argument', () => rest.post('/v1/auth/login', bytes));
  });

  it('row 43: duplicate keys, __proto__, depth, another content type, unknown fields', async () => {
    const post = (body: string) => () => rest.post('/v1/auth/login', body);
    await expectReason('bad_json', '400 invalid_argument', post('{"username":"ann","username":"root"}'));
    await expectReason('bad_json', '400 invalid_argument', post('{"__proto__":{"username":"ann"}}'));
    await expectReason('bad_json', '400 invalid_argument', post(`${'['.repeat(100)}${']'.repeat(100)}`));
    const form = () => rest.send('POST', '/v1/auth/login', 'username=ann', undefined, { 'content-type': 'text/plain' });
    await expectReason('media_type', '415 unsupported_media_type', form);
    const more = await login('ann', testPassword, { user: 'ann' });
    expect(more.body.error).toMatchObject({ code: 'invalid_argument', details: { field: 'user' } });
  });
});

describe('second factors over the wire', () => {
  const ticket = async (): Promise<unknown> => {
    let answer = await login('eve');
    await expect.poll(async () => said((answer = await login('eve')))).toBe('401 mfa_required');
    return answer.body.error?.details['mfa_ticket'];
  };
  const mfa = (mfa_ticket: unknown, more: object) => rest.post('/v1/auth/mfa', { mfa_ticket, ...more });
  const unlock = () => folder.rooms(({ store, softLocks }) => store.change((w) => softLocks.reset(w, 'eve')));

  it('row 18: what is no code of six digits', async () => {
    for (const code of [' 12345', '１２３４５６', '1234567']) {
      const reason = await reasonsOf(mcias, async () => {
        expect(said(await mfa(await ticket(), { totp_code: code }))).toBe('401 invalid_credentials');
        await unlock();
      });
      expect(reason).toContain('totp_malformed');
    }
  });

  it('row 20: no fourth try in one step', async () => {
    let one = await ticket();
    expect(said(await mfa(one, { totp_code: '000000' }))).toMatch(/401|429/);
    const answers: string[] = [];
    // Five more, because the step may end between two of them.
    for (let i = 0; i < 5; i++) {
      await unlock();
      answers.push(said(await mfa(one, { totp_code: '000000' })));
      if (i === 1) one = await ticket();
    }
    expect(answers).toContain('429 account_locked');
    expect((await countedRefusals(mcias)).get('totp_locked')).toBeGreaterThan(0);
    await unlock();
  });

  it('row 21: a recovery code twice; a ticket that is none', async () => {
    const code = codes[0];
    await expect.poll(async () => said(await login('eve', testPassword, { recovery_code: code }))).toBe('200');
    await expectReason('recovery_used', '401 invalid_credentials', () =>
      login('eve', testPassword, { recovery_code: code }),
    );
    const none = () => mfa('x'.repeat(43), { totp_code: '123456' });
    await expectReason('ticket_invalid', '401 invalid_credentials', none);
    await unlock();
  });

  it('row 19: one code, several logins at once: one is accepted', async () => {
    // The wrong codes of row 20 rest until their step ends, so a code of a later one is waited for.
    await folder.rooms(({ store }) => store.change((w) => w.run('UPDATE totp SET fail_count = 0, last_step = 0')));
    const totp_code = totp(0);
    const answers = await Promise.all(Array.from({ length: 4 }, () => login('eve', testPassword, { totp_code })));
    const counts = answers.map(said);
    expect(counts.filter((answer) => answer === '200')).toHaveLength(1);
    expect(new Set(counts)).not.toContain('500 internal');
  });

  it('every audited reason of this file is in the log, which verifies', async () => {
    const { items } = await folder.rooms(({ store }) =>
      Promise.resolve(listAudit(store.reader, everything, { limit: 500, cursor: null })),
    );
    const reasons = new Set(items.map(({ reason }) => reason));
    for (const reason of [
      'unknown_account',
      'account_disabled',
      'system_login',
      'wrong_password',
      'account_locked',
    ] as const)
      expect(reasons).toContain(reason);
    for (const reason of ['totp_malformed', 'totp_locked', 'recovery_used', 'ticket_invalid'] as const)
      expect(reasons).toContain(reason);
  });
});
