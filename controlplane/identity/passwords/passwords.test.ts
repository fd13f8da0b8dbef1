import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { places } from '../keys/index.ts';
import { openStore } from '../store/index.ts';
import { addAccount } from '../test-support/add-account.ts';
import { startOfTests } from '../test-support/clock.ts';
import { countHashes } from '../test-support/count-hashes.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import { createPasswords, type Passwords } from './index.ts';

const MiB = 1024 * 1024;
const settings = {
  params: { memoryKib: 256, passes: 2, parallelism: 1 },
  memoryCapBytes: MiB,
  queue: 64,
  queueTimeoutMs: 60_000,
};
const now = startOfTests;

let temp: TempKeys;
let ann: string;
beforeEach(async () => {
  temp = await openTempKeys({ series: [] });
  ann = addAccount(temp.store, 'ann');
});
afterEach(() => temp[Symbol.dispose]());

async function withPassword(password = 'a password of ann'): Promise<Passwords> {
  const passwords = createPasswords({ ...settings, store: temp.store, sealer: temp.sealer });
  const hashed = await passwords.hash(password);
  temp.store.change((writer) => passwords.store(writer, ann, hashed, now));
  return passwords;
}

function storedPhc(): string {
  const row = temp.store.reader.get<{ s_phc: Uint8Array }>('SELECT s_phc FROM passwords WHERE account_id = ?', [ann]);
  return temp.sealer.open(places.password(ann), row!.s_phc).toString();
}

describe('passwords', () => {
  it('IA-11 are Argon2id PHC strings, sealed: the files of the database hold none', async () => {
    const passwords = await withPassword();
    expect(storedPhc()).toMatch(/^\$argon2id\$v=19\$m=256,t=2,p=1\$/);
    const files = ['', '-wal'].map((end) => readFileSync(temp.path + end));
    for (const file of files) expect(file.includes('argon2id')).toBe(false);
    expect(files.some((file) => file.includes('m=256,t=2,p=1'))).toBe(true);
    expect(await passwords.verify(ann, 'a password of ann')).toBe(true);
    expect(await passwords.verify(ann, 'A password of ann')).toBe(false);
    expect(await passwords.verify(ann, '')).toBe(false);
  });

  it('IA-11 hash again at a login whose stored parameters are not those of the configuration', async () => {
    const passwords = await withPassword();
    passwords.setSettings({ ...settings, params: { memoryKib: 512, passes: 3, parallelism: 2 } });
    expect(await passwords.verify(ann, 'wrong')).toBe(false);
    expect(storedPhc()).toContain('$m=256,t=2,p=1$');
    let rehashes = 0;
    const hooks = { rehashed: () => void rehashes++ };
    expect(await passwords.verify(ann, 'a password of ann', hooks)).toBe(true);
    expect(storedPhc()).toContain('$m=512,t=3,p=2$');
    expect(rehashes).toBe(1);
    expect(temp.store.reader.get('SELECT params, changed_at FROM passwords')).toEqual({
      params: 'm=512,t=3,p=2',
      changed_at: now,
    });
    using hashes = countHashes();
    expect(await passwords.verify(ann, 'a password of ann')).toBe(true);
    expect(hashes.count()).toBe(1);
  });

  it('IA-14 bad input row 11: cost one hash for whoever cannot log in with one, as for a wrong password', async () => {
    const passwords = await withPassword();
    const nobody = addAccount(temp.store, 'bob');
    for (const [accountId, password] of [
      [null, 'a password of ann'],
      [nobody, 'a password of ann'],
      [ann, 'wrong'],
      [ann, 'x'.repeat(10_000)],
      [null, 'x'.repeat(10_000)],
    ] as const) {
      using hashes = countHashes();
      expect(await passwords.verify(accountId, password)).toBe(false);
      expect(hashes.count()).toBe(1);
    }
  });

  it('IA-14 the hash for nobody has the parameters of the configuration', async () => {
    const passwords = createPasswords({ ...settings, store: temp.store, sealer: temp.sealer });
    // Too little memory for the lanes: Argon2 itself refuses, which shows that these parameters are used.
    passwords.setSettings({ ...settings, params: { memoryKib: 8, passes: 1, parallelism: 8 } });
    await expect(passwords.verify(null, 'whatever')).rejects.toThrow();
  });

  it('bad input row 17: a lone surrogate is refused without a hash', async () => {
    const passwords = await withPassword();
    using hashes = countHashes();
    await expect(passwords.verify(ann, '\ud800')).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(hashes.count()).toBe(0);
  });

  it('bad input row 14: what is not admitted when its turn comes starts no hash', async () => {
    const passwords = await withPassword();
    using hashes = countHashes();
    const refused = passwords.verify(ann, 'a password of ann', {
      admit: () => {
        throw new Error('locked');
      },
    });
    await expect(refused).rejects.toThrow('locked');
    expect(hashes.count()).toBe(0);
  });

  it('IA-12 bad input row 15: of a thousand at once four hash, 64 wait and the rest is busy', async () => {
    const passwords = await withPassword();
    using hashes = countHashes();
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) =>
        passwords.verify(ann, n % 2 === 0 ? 'a password of ann' : 'wrong').catch((e: { code: string }) => e.code),
      ),
    );
    const count = (outcome: unknown) => outcomes.filter((o) => o === outcome).length;
    expect([count(true), count(false), count('busy')]).toEqual([34, 34, 932]);
    expect(hashes.count()).toBe(68);
    expect(passwords.stats()).toMatchObject({ running: 0, waiting: 0, slots: 4, refused: 932 });
  });

  it('do not match any more when they were changed during the hash', async () => {
    const passwords = await withPassword();
    const changed = await passwords.hash('another password');
    const verified = passwords.verify(ann, 'a password of ann', {
      admit: () => queueMicrotask(() => temp.store.change((writer) => passwords.store(writer, ann, changed, now + 1))),
    });
    expect(await verified).toBe(false);
    expect(await passwords.verify(ann, 'another password')).toBe(true);
  });

  it('can be asked for and removed, and survive a restart', async () => {
    const passwords = await withPassword();
    expect(passwords.has(temp.store.reader, ann)).toBe(true);
    using again = openStore({ path: temp.path });
    const later = createPasswords({ ...settings, store: again, sealer: temp.sealer });
    expect(await later.verify(ann, 'a password of ann')).toBe(true);
    again.change((writer) => later.remove(writer, ann));
    expect(passwords.has(temp.store.reader, ann)).toBe(false);
    expect(await passwords.verify(ann, 'a password of ann')).toBe(false);
  });

  it('bad input row 46: a hash that was moved from another account opens for nobody', async () => {
    const passwords = await withPassword();
    const bob = addAccount(temp.store, 'bob');
    temp.store.change((writer) =>
      writer.run(
        'INSERT INTO passwords SELECT ?, s_phc, params, changed_at, created_at FROM passwords WHERE account_id = ?',
        [bob, ann],
      ),
    );
    await expect(passwords.verify(bob, 'a password of ann')).rejects.toMatchObject({ code: 'internal' });
  });
});
