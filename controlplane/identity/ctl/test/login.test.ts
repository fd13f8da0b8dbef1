import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { testPassword } from '../../test-support/running-mcias.ts';
import { openCtlFixture, type CtlFixture } from './fixture.ts';

const hasScript = spawnSync('script', ['--version']).status === 0;
const bin = join(import.meta.dirname, '../../../../bin');

let at: CtlFixture;
beforeAll(async () => {
  at = await openCtlFixture();
});
afterAll(() => at[Symbol.asyncDispose]());

type Answer = readonly [prompt: string, keys: () => string];

/** Runs a command on a pseudo-terminal, types each answer once its prompt is there, and returns all that the terminal showed. */
async function onTerminal(program: string, args: readonly string[], answers: readonly Answer[]) {
  const command = [join(bin, program), ...args].map((word) => `'${word}'`).join(' ');
  const env = { ...process.env, XDG_CONFIG_HOME: at.home };
  const child = spawn('script', ['-qec', command, '/dev/null'], { env });
  const waiting = [...answers];
  let shown = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    const [next] = waiting;
    if (next === undefined || !shown.slice(seen).includes(next[0])) return;
    waiting.shift();
    seen = shown.length;
    child.stdin.write(`${next[1]()}\r`);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, shown };
}

describe.skipIf(!hasScript)('mciasctl on a pseudo-terminal (needs script of util-linux)', () => {
  it.each([
    ['mciasctl', 0],
    ['mciasgrpcctl', 1],
  ] as const)(
    'lesson 9: %s login asks for password and TOTP without echo and keeps the token to itself',
    async (program, offset) => {
      const code = at.codeOf(offset);
      const where = [
        '--server',
        at.server.url,
        '--ca-cert',
        at.folder.caFile,
        '--grpc-address',
        `localhost:${at.server.grpcPort}`,
      ];
      const { code: exit, shown } = await onTerminal(
        program,
        [...where, 'login'],
        [
          ['Account: ', () => 'root'],
          ['Password of root: ', () => testPassword],
          ['TOTP code', () => code],
        ],
      );
      expect({ exit, shown }).toEqual({ exit: 0, shown: expect.stringContaining('logged in as root') });
      expect(shown).not.toContain(testPassword);
      expect(shown).not.toContain(code);
      const file = join(at.home, 'mciasctl/login.json');
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const { token } = JSON.parse(readFileSync(file, 'utf8')) as { token: string };
      expect(shown).not.toContain(token);
      // Neither address nor CA has to be said again.
      expect(await at.json('whoami')).toMatchObject({ name: 'root' });
    },
  );

  it('a wrong password leaves the login before in force', async () => {
    const answers: readonly Answer[] = [['Password of root: ', () => 'not the password']];
    const { code, shown } = await onTerminal('mciasctl', ['login', 'root'], answers);
    expect({ code, shown }).toEqual({ code: 1, shown: expect.stringContaining('invalid_credentials') });
    expect(await at.json('whoami')).toMatchObject({ name: 'root' });
  });
});
