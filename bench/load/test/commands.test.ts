import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
    expect(stderr).toContain('scenarios: add-route l4-connection');
  });

  it('helps', () => {
    expect(main('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--rounds N') as string });
  });
});

describe('BE-5 bench/rivals', () => {
  const [setpriv = ''] = requireClient('setpriv');

  /** The script on a list of its own, as a user who may install nothing. */
  function rivals(list: string, ...names: readonly string[]) {
    const dir = mkdtempSync(join(tmpdir(), 'bench-rivals-'));
    try {
      chmodSync(dir, 0o755);
      writeFileSync(join(dir, 'rivals.list'), list, { mode: 0o644 });
      const asUser = process.getuid?.() === 0 ? [setpriv, '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
      const [program = '', ...args] = [...asUser, 'sh', '-s', '--', ...names];
      const env = { PATH: '/usr/bin:/bin', RIVALS_LIST: join(dir, 'rivals.list') };
      const input = readFileSync(join(bench, 'rivals'), 'utf8');
      const { status, stderr } = spawnSync(program, args, { input, encoding: 'utf8', cwd: '/', env });
      return { status, stderr };
    } finally {
      rmSync(dir, { recursive: true });
    }
  }

  const LIST = `# part file version source systems
sh      sh            - deb:dash            mc-proxy,mcns
absent  mc-absent     - deb:mc-absent-one   mc-proxy
library /nowhere/x.so - deb:mc-absent-two   mc-proxy
built   mc-built      - go:example.test/x@latest mcns
`;

  it('names what is missing to a user who cannot install it', () => {
    const missing = 'rivals: missing: mc-absent-one mc-absent-two — install as root with bench/rivals\n';
    expect(rivals(LIST)).toEqual({ status: 1, stderr: missing });
  });

  it('takes the parts of a system, or single ones', () => {
    expect(rivals(LIST, 'sh')).toEqual({ status: 0, stderr: '' });
    expect(rivals(LIST, 'absent')).toMatchObject({ status: 1, stderr: expect.not.stringContaining('two') as string });
    const built = 'rivals: missing: built — needs Go and its module proxy\n';
    expect(rivals(LIST, 'mcns')).toEqual({ status: 1, stderr: built });
  });

  it('refuses what the list does not have', () => {
    expect(rivals(LIST, 'nobody')).toMatchObject({ status: 64 });
  });
});
