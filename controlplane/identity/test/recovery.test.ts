import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { everything, listAudit, verifyAudit } from '../audit/index.ts';
import { requireAccount } from '../accounts/index.ts';
import { createRestClient, said, textOf } from '../test-support/rest-client.ts';
import { createMciasFolder, testPassword, type MciasFolder } from '../test-support/running-mcias.ts';

const launcher = join(import.meta.dirname, '../../../bin/mcias');

/** A command beside a server or without one, as an operator runs it. */
function mcias(folder: MciasFolder, ...args: readonly string[]): Record<string, unknown> {
  const printed = execFileSync(launcher, ['--config', folder.configFile, ...args, '--json'], { encoding: 'utf8' });
  return JSON.parse(printed) as Record<string, unknown>;
}

const login = (username: string, password: string) => ({ username, password, service_name: 'mcias' });

describe('when every login is lost', () => {
  it('IA-10 the offline command lets the last admin back in at the running server, which shows it in the audit log', async () => {
    using folder = await createMciasFolder();
    const root = await folder.addPerson('root', ['admin']);
    await folder.enrolTotp(root);
    await using server = await folder.start();
    using client = createRestClient(server, folder.caPem);
    await folder.rooms(({ store, softLocks }) =>
      store.change((w) => {
        for (let n = 0; n < 100; n++) softLocks.fail(w, 'root', Date.now());
      }),
    );
    expect(said(await client.post('/v1/auth/login', login('root', testPassword)))).toBe('429 account_locked');

    const { password } = mcias(folder, 'recover', 'root', '--clear-mfa', '--unlock', '--generate');

    const answer = await client.post('/v1/auth/login', login('root', String(password)));
    expect(said(answer)).toBe('200');
    const token = textOf(answer, 'token');
    const validate = { token, service_name: 'mcias' };
    expect((await client.post('/v1/token/validate', validate)).body).toMatchObject({ valid: true, roles: ['admin'] });
    expect(said(await client.post('/v1/auth/login', login('root', testPassword)))).toBe('401 invalid_credentials');
    await folder.rooms(({ store }) => {
      const { items } = listAudit(
        store.reader,
        { ...everything, event: 'account.recovered' },
        { limit: 9, cursor: null },
      );
      expect(items).toMatchObject([
        { actorKind: 'operator', target: 'root', details: { cleared_mfa: true, unlocked: true } },
      ]);
      expect(verifyAudit(store.reader).ok).toBe(true);
    });

    // Once more: what the server gave out ends at its next look.
    mcias(folder, 'recover', 'root', '--generate');
    expect((await client.post('/v1/token/validate', validate)).body).toMatchObject({ valid: false });
  });

  it('IA-9 IA-10 a server without an admin says how to make one, and takes the first one without a restart', async () => {
    using folder = await createMciasFolder();
    await using server = await folder.start();
    using client = createRestClient(server, folder.caPem);
    expect(server.output()).toContain('mcias init --admin NAME');
    const { password } = mcias(folder, 'init', '--admin', 'first', '--generate');
    expect(said(await client.post('/v1/auth/login', login('first', String(password))))).toBe('200');
  });
});

describe('disaster recovery', () => {
  it('lesson 10: snapshot of a running server, new folder, key file, restore: system tokens validate, sessions have ended', async () => {
    using folder = await createMciasFolder();
    await folder.addPerson('ann', ['user']);
    await folder.addService('mcq');
    let file = '';
    let human = '';
    let system = '';
    {
      await using server = await folder.start();
      using client = createRestClient(server, folder.caPem);
      const body = { ...login('ann', testPassword), service_name: 'mcq' };
      human = textOf(await client.post('/v1/auth/login', body), 'token');
      system = await folder.rooms(({ store, issuer }) => {
        const draft = { label: 'test', ttlMs: null, audience: ['platform'] };
        return store.change((w) => issuer.forSystem(w, requireAccount(w, 'mcq'), draft, Date.now()).token);
      });
      const taken = mcias(folder, 'snapshot');
      expect(taken).toMatchObject({ master_key_inside: false });
      file = String(taken['path']);
      expect(() => mcias(folder, 'restore', file)).toThrow(/a server runs/);
    }

    using other = await createMciasFolder();
    mkdirSync(join(other.path, 'keys'), { recursive: true });
    copyFileSync(join(folder.path, 'keys/master.key'), join(other.path, 'keys/master.key'));
    const restored = mcias(other, 'restore', file);
    expect(restored).toMatchObject({ sessions_ended: 1, system_tokens: [{ account: 'mcq', label: 'test' }] });
    await using server = await other.start();
    using client = createRestClient(server, other.caPem);
    const validity = async (token: string) => {
      const { body } = await client.post('/v1/token/validate', { token, service_name: 'mcq' });
      return body['valid'];
    };
    expect([await validity(system), await validity(human)]).toEqual([true, false]);
  });
});
