import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requireClient } from '../../../deploy/checks/clients.ts';

const bench = join(import.meta.dirname, '../..');

function main(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(bench, 'load/main.ts'), ...args], { encoding: 'utf8' });
}

describe('BE-1 npm run bench', () => {
  it.each([[['--bogus']], [['--rounds', 'many']], [['no-such-scenario']]])('refuses %j with its usage', (args) => {
    const { status, stdout, stderr } = main(...args);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(stderr).toContain('usage: npm run bench');
    expect(stderr).toContain('scenarios: l4-connection l4-stream');
  });

  it('helps', () => {
    expect(main('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--rounds N') as string });
  });
});

describe('BE-5 bench/rivals', () => {
  const [setpriv = ''] = requireClient('setpriv');

  it('names what is missing to a user who cannot install it', () => {
    const asUser = process.getuid?.() === 0 ? [setpriv, '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
    const [program = '', ...args] = [...asUser, 'sh', '-s'];
    const input = readFileSync(join(bench, 'rivals'), 'utf8');
    const { status, stderr } = spawnSync(program, args, { input, encoding: 'utf8', cwd: '/' });
    if (status === 0) expect(stderr).toBe('');
    else
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringMatching(/^rivals: missing: [\w -]+— install as root/),
      });
  });
});
