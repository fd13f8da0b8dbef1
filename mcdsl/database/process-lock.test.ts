import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { takeProcessLock } from './index.ts';

it('one process has it, until it lets go or is killed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'mc-lock-'));
  try {
    const path = join(dir, 'a.db');
    const program = `
      import { takeProcessLock } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))};
      const lock = takeProcessLock(${JSON.stringify(path)});
      console.log(lock === null ? 'refused' : 'held');
      setInterval(() => lock, 1e6);
    `;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(String((await once(holder.stdout, 'data'))[0])).toBe('held\n');
    expect(takeProcessLock(path)).toBeNull();
    expect(statSync(`${path}.lock`).mode & 0o777).toBe(0o600);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const lock = takeProcessLock(path);
    expect(lock).not.toBeNull();
    lock?.[Symbol.dispose]();
    takeProcessLock(path)?.[Symbol.dispose]();
    expect(() => takeProcessLock(join(dir, 'missing', 'a.db'))).toThrow(/lock .*ENOENT/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
