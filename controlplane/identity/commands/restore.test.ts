import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { takeProcessLock } from '../../../mcdsl/database/index.ts';
import { createAccount, findAccountByName } from '../accounts/index.ts';
import { everything, listAudit, verifyAudit } from '../audit/index.ts';
import { createKeyring, createSealer, readMasterKeys, tokenSeries } from '../keys/index.ts';
import type { Store } from '../store/index.ts';
import { addPerson, addService, createTokens, logIn } from '../test-support/people.ts';
import { testKeyTimes } from '../test-support/temp-keys.ts';
import { createPlace, type Place } from './test/place.ts';

let place: Place;
beforeEach(async () => {
  place = createPlace();
  await place.json('init', '--admin', 'root', '--generate');
});
afterEach(() => place[Symbol.dispose]());

function tokensOf(store: Store, keyFile: string) {
  const source = { file: keyFile, credentialsDirectory: '' };
  const sealer = createSealer(store.reader, () => readMasterKeys(source).keys);
  const keyring = createKeyring({ store, sealer, series: [tokenSeries], times: testKeyTimes });
  return createTokens({ store, sealer, keyring, source, folder: '', path: '', [Symbol.dispose]: () => undefined });
}

/** Tokens of a service and of a person in the place's database. */
function issueTokens(): { readonly system: string; readonly human: string } {
  using store = place.open();
  const now = Date.now();
  const { issuer } = tokensOf(store, place.keyFile);
  const mcq = addService(store, 'mcq', now);
  const ann = addPerson(store, 'ann', ['user'], now);
  const { session } = logIn(store, ann, now);
  return store.change((w) => ({
    system: issuer.forSystem(w, mcq, { label: 'test', ttlMs: null, audience: ['platform'] }, now).token,
    human: issuer.forSession(w, ann, session, ['mcq'], now).token,
  }));
}

async function verified(at: Place, token: string): Promise<string> {
  using store = at.open();
  const answer = await tokensOf(store, at.keyFile).verifier.verify(token, Date.now());
  return answer.ok ? 'valid' : answer.reason;
}

async function snapshot(): Promise<string> {
  return String((await place.json('snapshot'))['path']);
}

const addLater = () => {
  using store = place.open();
  const draft = { name: 'later', type: 'human', roles: [], displayName: '', email: '', groups: [] } as const;
  store.change((w) => createAccount(w, draft, 'test', Date.now()));
};

function hasLater(): boolean {
  using store = place.open();
  return findAccountByName(store.reader, 'later') !== null;
}

describe('mcias restore', () => {
  it('lesson 10: snapshot, new folder, key file, restore: system tokens validate, sessions of people have ended', async () => {
    const { system, human } = issueTokens();
    const file = await snapshot();
    using other = createPlace();
    mkdirSync(dirname(other.keyFile));
    copyFileSync(place.keyFile, other.keyFile);
    const done = await other.json('restore', file);
    expect(done).toMatchObject({ database: other.database, set_aside: null, sessions_ended: 1, tokens_ended: 1 });
    expect(done['system_tokens']).toMatchObject([{ account: 'mcq', label: 'test' }]);
    expect(await verified(other, system)).toBe('valid');
    expect(await verified(other, human)).not.toBe('valid');
    using store = other.open();
    expect(listAudit(store.reader, everything, { limit: 1, cursor: null }).items[0]).toMatchObject({
      event: 'database.restored',
      actorKind: 'operator',
      details: { kept_sessions: false, sessions: 1 },
    });
    expect(verifyAudit(store.reader).ok).toBe(true);
  });

  it('keeps sessions when told to, and warns', async () => {
    const { human } = issueTokens();
    const { code, stderr } = await place.run('restore', await snapshot(), '--keep-sessions');
    expect({ code, said: stderr.includes('are valid again') }).toEqual({ code: 0, said: true });
    expect(await verified(place, human)).toBe('valid');
  });

  it('says which master key is missing, and restores all the same', async () => {
    const file = await snapshot();
    using other = createPlace();
    const { code, stderr } = await other.run('restore', file);
    expect({ code, said: stderr.includes('does not exist') }).toEqual({ code: 0, said: true });
    expect(existsSync(other.database)).toBe(true);
  });

  it('keeps the database before under another name', async () => {
    const file = await snapshot();
    addLater();
    const aside = String((await place.json('restore', file))['set_aside']);
    expect(hasLater()).toBe(false);
    expect((await place.json('restore', aside))['set_aside']).not.toBe(aside);
    expect(hasLater()).toBe(true);
  });

  it('refuses while a server runs, and files that are no snapshots, and changes nothing', async () => {
    const file = await snapshot();
    addLater();
    const before = readFileSync(place.database);
    const foreign = join(place.folder, 'foreign.db');
    for (const [content, said] of [
      ['', 'no database of mcias'],
      ['not a database, but longer than its header would have to be '.repeat(40), 'damaged'],
    ] as const) {
      writeFileSync(foreign, content);
      expect(await place.run('restore', foreign)).toMatchObject({ code: 1, stderr: expect.stringContaining(said) });
    }
    writeFileSync(`${file}-wal`, '');
    expect((await place.run('restore', file)).stderr).toContain('is no snapshot');
    expect((await place.run('restore', `${file}.missing`)).stderr).toContain('does not exist');
    expect((await place.run('restore', place.database)).stderr).toContain('the database itself');
    using _server = takeProcessLock(place.database);
    expect((await place.run('restore', foreign)).stderr).toContain('a server runs');
    expect(readFileSync(place.database)).toEqual(before);
    expect(readdirSync(place.folder).filter((name) => name.includes('restor'))).toEqual([]);
  });

  it.each([
    ['copied', true],
    ['sessions_ended', true],
    ['set_aside', true],
    ['in_place', false],
  ] as const)(
    'IA-73 kill -9 at the step %s leaves the whole old database or the whole new one',
    async (step, isOld) => {
      const file = await snapshot();
      addLater();
      const killed = join(import.meta.dirname, 'test/killed.ts');
      const args = [killed, place.configFile, step, 'restore', file];
      expect(spawnSync(process.execPath, args, { stdio: 'inherit' }).signal).toBe('SIGKILL');
      expect(hasLater()).toBe(isOld);
      expect((await place.run('audit', 'verify')).code).toBe(0);
      expect(await place.run('restore', file)).toMatchObject({ code: 0, stderr: '' });
      expect(hasLater()).toBe(false);
      expect(existsSync(`${place.database}.restoring`)).toBe(false);
    },
  );
});
