import { readdirSync, readFileSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { testPassword } from '../../test-support/running-mcias.ts';
import { openCtlFixture, type CtlFixture } from './fixture.ts';

let at: CtlFixture;
beforeAll(async () => {
  at = await openCtlFixture();
  await at.folder.rooms(() => undefined);
  await at.logIn();
});
afterAll(() => at[Symbol.asyncDispose]());

const text = (value: unknown): string => String(value);

describe.each([
  ['REST', [], 'r'],
  ['gRPC', ['--grpc'], 'g'],
] as const)('mciasctl over %s', (_name, transport, mark) => {
  const ctl = (...args: readonly string[]) => at.ctl(...transport, ...args);
  const json = async <T>(...args: readonly string[]) => (await at.json(...transport, ...args)) as T;

  it('status asks without a login, whoami and account get say who somebody is', async () => {
    expect(await json('status')).toMatchObject({ server: at.server.url, status: 'ok' });
    expect(await json('whoami')).toMatchObject({ name: 'root', roles: ['admin'], has_totp: true });
    expect(await json('account', 'get', 'root')).toMatchObject({ name: 'root', type: 'human', status: 'enabled' });
    expect((await ctl('whoami')).stdout).toMatch(/^account +root$/m);
  });

  it('IA-2 IA-7 IA-27 account create, rename, role set, disable, enable, unlock, reset, delete, list', async () => {
    const name = `${mark}.ann`;
    const made = await json<{ account: object; reset: { ticket: string } }>(
      'account',
      'create',
      name,
      '--role',
      'user',
    );
    expect(made).toMatchObject({
      account: { name, roles: ['user'] },
      reset: { ticket: expect.stringMatching(/^.{43}$/) },
    });
    expect(await json('account', 'rename', name, `${name}2`)).toMatchObject({ name: `${name}2` });
    expect(await json('account', 'role', 'set', `${name}2`, 'guest')).toMatchObject({ roles: ['guest'] });
    expect(await json('account', 'role', 'set', `${name}2`)).toMatchObject({ roles: [] });
    expect(await json('account', 'disable', `${name}2`)).toMatchObject({ status: 'disabled' });
    expect(await json('account', 'enable', `${name}2`)).toMatchObject({ status: 'enabled' });
    expect(await json('account', 'unlock', `${name}2`)).toMatchObject({ unlocked: true });
    expect(await json('account', 'reset', `${name}2`)).toMatchObject({ ticket: expect.any(String) });
    expect((await ctl('account', 'delete', `${name}2`)).code).toBe(0);
    const names = (await json<{ name: string }[]>('account', 'list')).map((account) => account.name);
    expect([names.includes('root'), names.includes(`${name}2`)]).toEqual([true, false]);
    const system = await ctl('account', 'create', `${mark}-svc`, '--system', '--role', 'admin');
    expect(system).toMatchObject({ code: 1, stderr: expect.stringContaining('invalid_argument') });
  });

  it('IA-8 IA-10 the last admin stays, and the refusal says what to do', async () => {
    const { code, stderr } = await ctl('account', 'disable', 'root', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'last_admin', message: expect.stringContaining('first') },
    });
  });

  it('IA-38 token issue, validate, list, renew and revoke; tokens go through files alone', async () => {
    const name = `${mark}-mcq`;
    await json('account', 'create', name, '--system');
    const file = join(at.home, `${name}.token`);
    const issued = await json<{ token_id: string; token?: string }>(
      'token',
      'issue',
      name,
      '--out',
      file,
      '--label',
      'x',
    );
    expect(issued.token).toBeUndefined();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await json('token', 'validate', '--service', 'mcq', '--token', file)).toMatchObject({
      valid: true,
      username: name,
      account_type: 'system',
      audience: ['platform'],
    });
    expect(await json('token', 'list', '--account', name)).toMatchObject([{ account: name, label: 'x' }]);
    expect((await ctl('token', 'list', '--account', name, '--expiring', '720h', '--detailed-exitcode')).code).toBe(0);
    expect((await ctl('token', 'list', '--account', name, '--detailed-exitcode')).code).toBe(2);

    const before = readFileSync(file, 'utf8');
    expect((await ctl('--token-file', file, 'token', 'renew')).code).toBe(0);
    expect(readFileSync(file, 'utf8')).not.toBe(before);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await json('token', 'revoke', '--token', file)).toEqual({ revoked: 2 });
    const gone = await ctl('token', 'validate', '--service', 'mcq', '--token', file, '--detailed-exitcode', '--json');
    expect({ code: gone.code, ...(JSON.parse(gone.stdout) as object) }).toEqual({
      code: 2,
      valid: false,
      reason: 'revoked',
    });

    expect((await ctl('token', 'issue', name)).code).toBe(64);
    expect((await ctl('token', 'issue', name, '--out', join(at.home, 'nowhere/token'))).stderr).toContain(
      'cannot be written',
    );
    expect(await json('token', 'list', '--account', name)).toEqual([]);
    const printed = await json<{ token: string }>('token', 'issue', name, '--stdout');
    expect(printed.token.split('.')).toHaveLength(3);
    expect(await json('token', 'revoke', '--account', name)).toEqual({ revoked: 1 });
  });

  it('session list and revoke, factor list and remove', async () => {
    const sessions = await json<{ session_id: string; account: string }[]>('session', 'list', '--account', 'root');
    expect(sessions.length).toBeGreaterThan(0);
    expect(await json('factor', 'list', 'root')).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ kind: 'totp' })]),
    );
    expect((await ctl('session', 'revoke', 'none')).stderr).toContain('not_found');
    expect((await ctl('factor', 'remove', 'root', 'none')).code).toBe(1);
  });

  it('IA-31 policy put, get, disable, explain, export, import and delete', async () => {
    const file = join(at.home, `${mark}.toml`);
    writeFileSync(file, 'priority = 100\neffect = "deny"\nroles = ["guest"]\ntags = ["env:restricted"]\n');
    const { rule } = await json<{ rule: { id: number } }>('policy', 'put', file);
    const id = text(rule.id);
    writeFileSync(file, (await ctl('policy', 'get', id)).stdout.replace('priority = 100', 'priority = 90'));
    expect(await json('policy', 'put', file)).toMatchObject({ rule: { id: rule.id, priority: 90 } });
    await json('account', 'create', `${mark}.guest`, '--role', 'guest');
    const explain = ['policy', 'explain', '--account', `${mark}.guest`, '--service', 'mcq', '--tag', 'env:restricted'];
    expect(await json(...explain)).toMatchObject({ decision: 'deny', reason: 'rule_deny', rule_id: rule.id });
    expect((await ctl(...explain, '--detailed-exitcode')).code).toBe(2);
    expect(await json('policy', 'disable', id)).toMatchObject({ rule: { enabled: false } });
    const trace = await json<{ reason: string; trace: { conditions: Record<string, boolean> }[] }>(...explain);
    expect(trace.reason).toBe('no_match');
    expect(trace.trace.length).toBeGreaterThan(0);
    expect(trace.trace.some(({ conditions }) => Object.values(conditions).includes(false))).toBe(true);
    expect(await json('policy', 'enable', id)).toMatchObject({ rule: { enabled: true } });

    const exported = (await ctl('policy', 'export')).stdout;
    const revision = /^revision = (\d+)$/m.exec(exported)?.[1] ?? '';
    writeFileSync(file, exported);
    const imported = await json<{ revision: number }>('policy', 'import', file, '--check-revision', revision);
    expect(imported.revision).toBe(Number(revision) + 1);
    expect((await ctl('policy', 'export')).stdout.replace(/^revision.*/m, '')).toBe(
      exported.replace(/^revision.*/m, ''),
    );
    const stale = await ctl('policy', 'import', file, '--check-revision', revision);
    expect(stale).toMatchObject({ code: 1, stderr: expect.stringContaining('conflict') });
    writeFileSync(file, '[[rules]]\npriority = 1\neffect = "allow"\nrolls = ["user"]\n');
    expect(await ctl('policy', 'import', file)).toMatchObject({ code: 78, stderr: expect.stringContaining('rolls') });
    expect(await json('policy', 'delete', id)).toMatchObject({ deleted: true });
    expect((await json<unknown[]>('policy', 'list')).length).toBe(2);
  });

  it('IA-43 key list, rotate and revoke; client list', async () => {
    const keys = await json<{ kid: string; state: string }[]>('key', 'rotate');
    expect(keys.map(({ state }) => state)).toContain('pending');
    const pending = keys.find(({ state }) => state === 'pending')?.kid ?? '';
    expect(await json('key', 'revoke', pending)).toMatchObject({ kid: pending, state: 'revoked' });
    expect(await json('key', 'list')).toContainEqual(expect.objectContaining({ kid: pending, state: 'revoked' }));
    expect(await json('client', 'list')).toEqual([]);
  });

  it('IA-66 audit shows entries, the newest last, by account, event and time', async () => {
    const entries = await json<{ seq: number; event: string; details: object }[]>('audit', '--event', 'policy.changed');
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map(({ seq }) => seq).toSorted((a, b) => a - b));
    expect(entries.at(-1)?.details).toMatchObject({ change: 'deleted' });
    expect(await json('audit', '--since', '2100-01-01')).toEqual([]);
    expect(await json<unknown[]>('audit', '--limit', '3', '--account', 'root')).toHaveLength(3);
  });
});

describe('mciasctl', () => {
  it('exits with 3 when mcias cannot be reached, and says why', async () => {
    for (const transport of [[], ['--grpc']]) {
      const args = ['--server', 'https://localhost:1', '--grpc-address', 'localhost:1', ...transport, 'status'];
      expect(await at.ctl(...args)).toMatchObject({ code: 3, stderr: expect.stringContaining('ECONNREFUSED') });
    }
    const untrusted = await at.ctl('--server', at.server.url, '--ca-cert', '', 'status');
    expect(untrusted).toMatchObject({ code: 3, stderr: expect.stringMatching(/certificate/) });
  });

  it('sends a token only where it came from, and takes none from an open file or an argument', async () => {
    expect((await at.ctl('--server', 'https://localhost:1', 'whoami')).stderr).toContain('not_logged_in');
    const file = join(at.home, 'open.token');
    writeFileSync(file, 'a.b.c\n');
    chmodSync(file, 0o644);
    expect((await at.ctl('--token-file', file, 'whoami')).stderr).toContain('open to others');
    expect((await at.ctl('token', 'revoke', 'a.b.c')).code).toBe(64);
    expect((await at.ctl('login', 'root', '--password', testPassword)).code).toBe(64);
    expect((await at.ctl('login', 'root')).stderr).toContain('standard input is none');
  });

  it('logs out: the token is void and the file is gone', async () => {
    expect(await at.ctl('logout')).toMatchObject({ code: 0, stdout: 'logged out\n' });
    expect(readdirSync(join(at.home, 'mciasctl'))).toEqual([]);
    expect((await at.ctl('--server', at.server.url, 'whoami')).stderr).toContain('mciasctl login');
  });
});
