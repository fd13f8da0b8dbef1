import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findAccountByName } from '../accounts/index.ts';
import { everything, listAudit, verifyAudit } from '../audit/index.ts';
import { listSigningKeys } from '../keys/index.ts';
import { createPlace, hasScript, onTerminal, type Place } from './test/place.ts';

let place: Place;
beforeEach(async () => {
  place = createPlace();
});
afterEach(() => place[Symbol.dispose]());

function state() {
  using store = place.open();
  return {
    admin: findAccountByName(store.reader, 'root')?.roles,
    rules: store.reader.all('SELECT id, priority, effect, roles, account_types FROM policy_rules ORDER BY id'),
    keys: listSigningKeys(store.reader).map(({ state, alg }) => `${alg} ${state}`),
    events: listAudit(store.reader, everything, { limit: 500, cursor: null }).items.map(({ event }) => event),
    chain: verifyAudit(store.reader).ok,
  };
}

const complete = {
  admin: ['admin'],
  rules: [
    { id: 1, priority: 900, effect: 'allow', roles: '["user"]', account_types: '[]' },
    { id: 2, priority: 900, effect: 'allow', roles: '[]', account_types: '["system"]' },
  ],
  keys: ['EdDSA valid'],
  events: ['policy.changed', 'account.created', 'key.activated'],
  chain: true,
};

describe('mcias init', () => {
  it('IA-9 makes database, master key, signing keys, the baseline rules and the first admin, once', async () => {
    const made = await place.json('init', '--admin', 'Root', '--generate');
    expect(made).toMatchObject({ account: 'root', master_key_file: place.keyFile });
    expect(made['password']).toMatch(/^([a-z2-9]{5}-){4}[a-z2-9]{5}$/);
    for (const file of [place.keyFile, place.database]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(place.folder, 'keys')).mode & 0o777).toBe(0o700);
    expect(state()).toEqual(complete);

    const again = await place.run('init', '--admin', 'other', '--generate');
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toContain('mcias recover root');
    expect(state()).toEqual(complete);
  });

  it.each(['x', 'ann smith', '1st'])('IA-7 refuses the name %j and makes nothing', async (name) => {
    const { code, stderr } = await place.run('init', '--admin', name, '--generate');
    expect({ code, said: stderr.includes('a name is a letter') }).toEqual({ code: 1, said: true });
    expect(existsSync(place.database)).toBe(false);
  });

  it('takes no password from anything but a terminal', async () => {
    const { code, stderr } = await place.run('init', '--admin', 'root');
    expect({ code, said: stderr.includes('standard input is none') }).toEqual({ code: 1, said: true });
    expect(readdirSync(place.folder)).toEqual(['mcias.toml']);
    expect((await place.run('init', '--admin', 'root', '--password', 'x')).code).toBe(64);
  });

  it.each(['database', 'master_key', 'signing_keys', 'in_transaction', 'admin'])(
    'IA-73 kill -9 at the step %s leaves something that another run finishes',
    async (step) => {
      const killed = join(import.meta.dirname, 'test/killed.ts');
      const { signal } = spawnSync(process.execPath, [killed, place.configFile, step, 'init'], { stdio: 'inherit' });
      expect(signal).toBe('SIGKILL');
      const key = existsSync(place.keyFile) ? readFileSync(place.keyFile, 'utf8') : null;
      const { code, stderr } = await place.run('init', '--admin', 'root', '--generate');
      if (step === 'admin')
        expect({ code, said: stderr.includes('an admin already') }).toEqual({ code: 1, said: true });
      else expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      if (key !== null) expect(readFileSync(place.keyFile, 'utf8')).toBe(key);
      expect(state()).toEqual(complete);
    },
  );

  describe.skipIf(!hasScript)('on a pseudo-terminal (needs script of util-linux)', () => {
    const typing = (...passwords: readonly [string, string?]) => {
      const prompts = ['New password for root: ', 'The same again: '];
      const answers = passwords.map((keys, i) => ({ prompt: prompts[i] ?? '', keys: `${keys ?? ''}\r` }));
      return onTerminal(place, ['init', '--admin', 'root'], answers);
    };

    it('asks twice, and never shows what was typed', async () => {
      const { code, shown } = await typing('correct hörse battery', 'correct hörse battery');
      expect({ code, shown }).toEqual({ code: 0, shown: expect.stringContaining('root is the first admin') });
      expect(shown).not.toMatch(/correct|battery/);
      expect(state()).toEqual(complete);
      expect((await place.run('audit', 'verify')).code).toBe(0);
    });

    it('IA-15 refuses two that differ, one that is short, and Ctrl-C, and makes nothing', async () => {
      expect(await typing('correct horse battery', 'correct horse')).toMatchObject({
        code: 1,
        shown: expect.stringContaining('the two passwords differ'),
      });
      expect(await typing('short')).toMatchObject({
        code: 1,
        shown: expect.stringContaining('at least 12 are needed'),
      });
      expect((await typing('half\u0003')).code).toBe(130);
      expect(existsSync(place.database)).toBe(false);
    });
  });
});
