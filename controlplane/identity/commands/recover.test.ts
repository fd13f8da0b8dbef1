import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { disableAccount, findAccountByName, setRoles } from '../accounts/index.ts';
import { everything, listAudit, verifyAudit } from '../audit/index.ts';
import { createTotpFactors, readWays } from '../factors/index.ts';
import { createSealer, readMasterKeys } from '../keys/index.ts';
import { createPasswords } from '../passwords/index.ts';
import { listSessions } from '../sessions/index.ts';
import type { Store } from '../store/index.ts';
import { addPerson, addService, logIn } from '../test-support/people.ts';
import { createSoftLocks } from '../throttle/index.ts';
import { createPlace, hasScript, onTerminal, type Place } from './test/place.ts';

let place: Place;
beforeEach(async () => {
  place = createPlace();
  await place.json('init', '--admin', 'root', '--generate');
});
afterEach(() => place[Symbol.dispose]());

function sealerOf(store: Store) {
  return createSealer(store.reader, () => readMasterKeys({ file: place.keyFile, credentialsDirectory: '' }).keys);
}

async function opens(store: Store, name: string, password: string): Promise<boolean> {
  const params = { memoryKib: 19 * 1024, passes: 2, parallelism: 4 };
  const limits = { memoryCapBytes: 2 ** 28, queue: 9, queueTimeoutMs: 60_000 };
  const passwords = createPasswords({ store, sealer: sealerOf(store), params, ...limits });
  return passwords.verify(findAccountByName(store.reader, name)?.id ?? null, password);
}

describe('mcias recover', () => {
  it('IA-10 gives the last admin back who is locked, disabled and without password or second factor, beside an open server', async () => {
    // As a running server has it.
    using store = place.open();
    const now = Date.now();
    const root = findAccountByName(store.reader, 'root');
    if (root === null) throw new Error('no root');
    const locks = createSoftLocks();
    const totp = createTotpFactors({ sealer: sealerOf(store), issuer: 'mcias', skew: () => 1 });
    const session = logIn(store, root, now);
    store.change((w) => {
      totp.begin(w, root, now);
      w.run('UPDATE totp SET confirmed_at = 1');
      for (let n = 0; n < 100; n++) locks.fail(w, 'root', now);
      w.run("UPDATE accounts SET status = 'disabled'");
    });
    const before = store.dataVersion();

    const done = await place.json('recover', 'root', '--clear-mfa', '--unlock', '--generate');
    expect(done).toMatchObject({
      account: 'root',
      roles: ['admin'],
      created: false,
      enabled: true,
      granted_admin: false,
      cleared_mfa: true,
      unlocked: true,
      sessions_ended: 1,
      second_factors_left: false,
    });

    expect(store.dataVersion()).not.toBe(before);
    expect(locks.check(store.reader, 'root', now).kind).toBe('open');
    expect(readWays(store.reader, root.id)).toMatchObject({ hasPassword: true, hasTotp: false, passkeys: 0 });
    expect(await opens(store, 'root', String(done['password']))).toBe(true);
    expect(listSessions(store.reader, root.id, now, { limit: 9, cursor: null }).items).toEqual([]);
    expect(session.session.id).not.toBe('');
    const [entry] = listAudit(store.reader, everything, { limit: 1, cursor: null }).items;
    expect(entry).toMatchObject({
      event: 'account.recovered',
      actorKind: 'operator',
      target: 'root',
      details: { enabled: true, cleared_mfa: true, unlocked: true, sessions: 1 },
    });
    expect(verifyAudit(store.reader).ok).toBe(true);
    expect(JSON.stringify(entry)).not.toContain(done['password']);
  });

  it('keeps second factors and locks unless told otherwise, and says so', async () => {
    using store = place.open();
    const root = findAccountByName(store.reader, 'root');
    const totp = createTotpFactors({ sealer: sealerOf(store), issuer: 'mcias', skew: () => 1 });
    store.change((w) => {
      totp.begin(w, { id: root?.id ?? '', name: 'root' }, Date.now());
      w.run('UPDATE totp SET confirmed_at = 1');
    });
    const { code, stdout } = await place.run('recover', 'root', '--generate');
    expect(code).toBe(0);
    expect(stdout).toContain('--clear-mfa removes it');
    expect(readWays(store.reader, root?.id ?? '').hasTotp).toBe(true);
  });

  it('IA-10 makes an admin where none is left, and turns a guest into one', async () => {
    using store = place.open();
    const now = Date.now();
    addPerson(store, 'guest1', ['guest'], now);
    expect(await place.json('recover', 'guest1', '--create-admin', '--generate')).toMatchObject({
      roles: ['admin'],
      created: false,
      granted_admin: true,
    });
    expect(await place.run('recover', 'nobody', '--generate')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--create-admin'),
    });
    expect(await place.json('recover', 'second', '--create-admin', '--generate')).toMatchObject({
      roles: ['admin'],
      created: true,
    });
    store.change((w) => {
      for (const name of ['guest1', 'second']) {
        const account = findAccountByName(w, name);
        if (account) setRoles(w, account.id, account.revision, ['user'], 'test', now);
      }
    });
    const root = findAccountByName(store.reader, 'root');
    const disable = () => store.change((w) => disableAccount(w, root?.id ?? '', root?.revision ?? 0, now));
    expect(disable).toThrow(expect.objectContaining({ code: 'last_admin' }));
  });

  it('IA-38 gives a system account no password', async () => {
    using store = place.open();
    addService(store, 'mcq', Date.now());
    const { code, stderr } = await place.run('recover', 'mcq', '--create-admin', '--generate');
    expect({ code, said: stderr.includes('mciasctl token issue mcq') }).toEqual({ code: 1, said: true });
    expect(findAccountByName(store.reader, 'mcq')?.roles).toEqual([]);
  });

  it('names the database that is not there', async () => {
    using elsewhere = createPlace();
    expect((await elsewhere.run('recover', 'root', '--generate')).stderr).toContain('mcias init');
  });

  it.skipIf(!hasScript)('on a pseudo-terminal never shows the password (needs script of util-linux)', async () => {
    const answers = ['New password for root: ', 'The same again: '].map((prompt) => ({
      prompt,
      keys: 'open sesame 1234\r',
    }));
    const { code, shown } = await onTerminal(place, ['recover', 'root'], answers);
    expect({ code, shown }).toEqual({ code: 0, shown: expect.stringContaining('root has a new password') });
    expect(shown).not.toMatch(/sesame|1234/);
    using store = place.open();
    expect(await opens(store, 'root', 'open sesame 1234')).toBe(true);
  });
});
