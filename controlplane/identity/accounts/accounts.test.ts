import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Writer } from '../../../mcdsl/database/index.ts';
import { refusalOf } from '../errors.ts';
import { createTestClock, type TestClock } from '../test-support/clock.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import {
  countAdmins,
  createAccount,
  deleteAccount,
  disableAccount,
  enableAccount,
  findAccountByName,
  issueResetTicket,
  listAccounts,
  namesOf,
  parseAccountName,
  requireAccount,
  setRoles,
  takeResetTicket,
  updateAccount,
  type Account,
  type AccountDraft,
} from './index.ts';

let temp: TempKeys;
let clock: TestClock;
beforeEach(async () => {
  temp = await openTempKeys({ series: [] });
  clock = createTestClock();
});
afterEach(() => temp[Symbol.dispose]());

const change = <T>(work: (writer: Writer) => T): T => temp.store.change(work);
const create = (name: string, more: Partial<AccountDraft> = {}): Account => {
  const draft: AccountDraft = { name, type: 'human', roles: [], displayName: '', email: '', groups: [], ...more };
  return change((w) => createAccount(w, draft, 'test', clock.now()));
};
const admin = (name: string) => create(name, { roles: ['admin'] });
const get = (name: string): Account => requireAccount(temp.store.reader, name);

/** Code and reason of what the work throws. */
function refused(work: () => unknown): string {
  try {
    work();
    return 'nothing';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return [code, refusalOf(error)?.reason].filter(Boolean).join(' ');
  }
}

describe('names', () => {
  it.each(['ab', 'Op1', 'mcp-agent', 'a.b_c-d', `a${'b'.repeat(31)}`])('IA-7 takes %s', (text) => {
    expect(parseAccountName(text)).toBe(text.toLowerCase());
  });

  it.each(['', 'a', '1ab', 'op1 ', ' op1', 'оp1', 'op\0', `a${'b'.repeat(32)}`, 'İan', 'op1\n', 'a/b'])(
    'IA-7 refuses %j',
    (text) => {
      expect(parseAccountName(text)).toBeNull();
    },
  );

  it('IA-7 have one spelling', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const name = parseAccountName(text);
        if (name !== null) expect([parseAccountName(name), parseAccountName(text.toUpperCase())]).toEqual([name, name]);
      }),
    );
    const ann = create('Ann');
    expect(findAccountByName(temp.store.reader, 'ANN')).toEqual(ann);
    expect(findAccountByName(temp.store.reader, 'ann ')).toBeNull();
  });

  it('IA-7 are unique over both types and never go to another account', () => {
    create('mcq', { type: 'system' });
    const ann = create('ann');
    expect(refused(() => create('mcq'))).toBe('already_exists');
    expect(refused(() => create('MCQ', { type: 'system' }))).toBe('already_exists');
    change((w) => deleteAccount(w, ann.id, ann.revision, clock.now()));
    expect(findAccountByName(temp.store.reader, 'ann')).toBeNull();
    expect(refused(() => create('ann'))).toBe('already_exists');
    const bob = create('bob');
    const robert = change((w) => updateAccount(w, bob.id, bob.revision, { name: 'robert' }, clock.now()));
    expect(refused(() => create('bob'))).toBe('already_exists');
    const back = change((w) => updateAccount(w, bob.id, robert.revision, { name: 'bob' }, clock.now()));
    expect([back.name, namesOf(temp.store.reader, back).toSorted()]).toEqual(['bob', ['bob', 'robert']]);
    const carol = create('carol');
    expect(refused(() => change((w) => updateAccount(w, carol.id, 1, { name: 'robert' }, clock.now())))).toBe(
      'already_exists',
    );
  });

  it('IA-7 of system accounts do not change', () => {
    const mcq = create('mcq', { type: 'system' });
    const rename = () => change((w) => updateAccount(w, mcq.id, 1, { name: 'mcr' }, clock.now()));
    expect(refused(rename)).toBe('failed_precondition');
  });
});

describe('roles', () => {
  it.each([
    ['system', ['admin']],
    ['system', ['user']],
    ['human', ['guest', 'user']],
    ['human', ['root']],
  ] as const)('IA-2 IA-5 a %s account cannot have %j', (type, roles) => {
    expect(refused(() => create('x1', { type, roles }))).toBe('invalid_argument role_not_allowed');
    const account = create('x2', { type });
    const set = () => change((w) => setRoles(w, account.id, 1, roles, 'test', clock.now()));
    expect(refused(set)).toBe('invalid_argument role_not_allowed');
  });

  it('IA-3 IA-4 are replaced as a whole', () => {
    const ann = create('ann', { roles: ['user', 'admin', 'user'] });
    expect(ann.roles.toSorted()).toEqual(['admin', 'user']);
    admin('other');
    expect(change((w) => setRoles(w, ann.id, 1, ['guest'], 'test', clock.now())).roles).toEqual(['guest']);
  });
});

describe('the last admin', () => {
  it('IA-8 cannot be demoted, disabled or deleted', () => {
    const ann = admin('ann');
    create('bob', { roles: ['user'] });
    for (const work of [
      (w: Writer) => setRoles(w, ann.id, ann.revision, ['user'], 'test', clock.now()),
      (w: Writer) => disableAccount(w, ann.id, ann.revision, clock.now()),
      (w: Writer) => deleteAccount(w, ann.id, ann.revision, clock.now()),
    ]) {
      expect(refused(() => change(work))).toBe('last_admin last_admin');
      expect(get('ann')).toEqual(ann);
    }
  });

  it('IA-8 is the last enabled one', () => {
    const [ann, bob] = [admin('ann'), admin('bob')];
    change((w) => disableAccount(w, bob.id, bob.revision, clock.now()));
    expect(refused(() => change((w) => disableAccount(w, ann.id, ann.revision, clock.now())))).toBe(
      'last_admin last_admin',
    );
    change((w) => enableAccount(w, bob.id, bob.revision + 1));
    change((w) => disableAccount(w, ann.id, ann.revision, clock.now()));
    expect(countAdmins(temp.store.reader)).toBe(1);
  });

  it('IA-8 stays when two processes demote two admins at once', async () => {
    const [ann, bob] = [admin('ann'), admin('bob')];
    const script = join(import.meta.dirname, 'test/demote.ts');
    const children = [ann, bob].map(({ id }) =>
      fork(script, [temp.path, id], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] }),
    );
    const results = await Promise.all(
      children.map(async (child) => {
        const [message] = (await once(child, 'message')) as [string];
        return message;
      }),
    );
    expect(results.toSorted()).toEqual(['done', 'last_admin']);
    expect(countAdmins(temp.store.reader)).toBe(1);
  });
});

describe('changes', () => {
  it('with a stale revision are refused and change nothing', () => {
    const ann = create('ann', { displayName: 'Ann' });
    const update = (revision: number, displayName: string) =>
      change((w) => updateAccount(w, ann.id, revision, { displayName }, clock.now()));
    expect(update(1, 'First').revision).toBe(2);
    expect(refused(() => update(1, 'Second'))).toBe('conflict stale_revision');
    expect(get('ann').displayName).toBe('First');
  });

  it('of the address take its verification away', () => {
    const ann = create('ann', { email: 'ann@example.org' });
    const update = (patch: object) => change((w) => updateAccount(w, ann.id, get('ann').revision, patch, clock.now()));
    expect(update({ emailVerified: true }).emailVerified).toBe(true);
    expect(update({ displayName: 'Ann' }).emailVerified).toBe(true);
    expect(update({ email: 'new@example.org' }).emailVerified).toBe(false);
    expect(update({ email: '', emailVerified: true }).emailVerified).toBe(false);
  });

  it.each([
    { displayName: 'a\u0007b' },
    { displayName: 'x'.repeat(129) },
    { displayName: '\ud800' },
    { email: 'nobody' },
    { email: 'a b@c' },
    { groups: ['Team'] },
    { groups: Array.from({ length: 65 }, (_, i) => `g${i}`) },
  ])('are checked: %j', (patch) => {
    const ann = create('ann');
    expect(refused(() => change((w) => updateAccount(w, ann.id, 1, patch, clock.now())))).toMatch(
      /^invalid_argument bad_/,
    );
  });

  it('disable an account and void its tokens', () => {
    const ann = create('ann');
    expect(change((w) => disableAccount(w, ann.id, 1, clock.now()))).toMatchObject({
      status: 'disabled',
      tokensNotBefore: clock.now(),
    });
  });

  it('delete an account with its credentials', () => {
    const ann = create('ann', { roles: ['user'], email: 'ann@example.org' });
    change((w) => issueResetTicket(w, temp.sealer, ann, 1000, clock.now()));
    change((w) => deleteAccount(w, ann.id, 1, clock.now()));
    const [row] = temp.store.reader.all('SELECT name, status, email FROM accounts');
    expect(row).toEqual({ name: 'ann', status: 'deleted', email: '' });
    expect(temp.store.reader.all('SELECT * FROM account_roles UNION ALL SELECT kind, 1, 1, 1 FROM tickets')).toEqual(
      [],
    );
    expect(refused(() => get('ann'))).toBe('not_found');
  });

  it('lists accounts in pages by name', () => {
    for (const name of ['cc', 'aa', 'bb']) create(name);
    const first = listAccounts(temp.store.reader, { limit: 2, cursor: null });
    const second = listAccounts(temp.store.reader, { limit: 2, cursor: first.nextCursor });
    expect([first, second].map(({ items }) => items.map(({ name }) => name))).toEqual([['aa', 'bb'], ['cc']]);
    expect(second.nextCursor).toBeNull();
  });
});

describe('reset tickets', () => {
  const issue = (account: Account) => change((w) => issueResetTicket(w, temp.sealer, account, 3_600_000, clock.now()));
  const take = (ticket: string) => change((w) => takeResetTicket(w, temp.sealer, ticket, clock.now()));

  it('IA-27 work once, until they expire, and the newest one only', () => {
    const ann = create('ann');
    const old = issue(ann);
    const { ticket, expiresAt } = issue(ann);
    expect(expiresAt).toBe(clock.now() + 3_600_000);
    expect(refused(() => take(old.ticket))).toBe('invalid_credentials ticket_invalid');
    expect(take(ticket).id).toBe(ann.id);
    expect(refused(() => take(ticket))).toBe('invalid_credentials ticket_invalid');
    const late = issue(ann);
    clock.advance(3_600_000);
    expect(refused(() => take(late.ticket))).toBe('invalid_credentials ticket_invalid');
  });

  it('IA-27 are not for system or disabled accounts', () => {
    expect(refused(() => issue(create('mcq', { type: 'system' })))).toBe('failed_precondition');
    const ann = create('ann');
    const { ticket } = issue(ann);
    change((w) => disableAccount(w, ann.id, 1, clock.now()));
    expect(refused(() => take(ticket))).toBe('invalid_credentials account_disabled');
  });
});
