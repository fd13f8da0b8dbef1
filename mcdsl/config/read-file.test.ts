import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfigFile } from './index.ts';
import { example, svcConfig } from './test/example.ts';

const dir = mkdtempSync(join(tmpdir(), 'mc-config-'));
afterAll(() => rmSync(dir, { recursive: true }));

function write(name: string, content: string | Buffer): string {
  const file = join(dir, name);
  writeFileSync(file, content);
  return file;
}

function refusal(file: string): string | undefined {
  const result = loadConfigFile(example, file, {});
  expect(result.ok || result.problems[0]?.place).toEqual({ kind: 'file', file });
  return result.ok ? undefined : result.problems[0]?.message;
}

describe('reading the configuration file', () => {
  it('loads it', () => {
    expect(loadConfigFile(example, write('good.toml', svcConfig), {}).ok).toBe(true);
  });

  it('says what is wrong with a file that cannot be read', () => {
    expect(refusal(join(dir, 'none.toml'))).toBe('there is no such file');
    expect(refusal(join(write('file', ''), 'x.toml'))).toBe('a part of the path is not a directory');
    expect(refusal(dir)).toBe('this is a directory');
    expect(refusal('/dev/null')).toBe('this is not a regular file');
  });

  it('says so when it may not read the file', () => {
    const file = write('closed.toml', '');
    chmodSync(file, 0);
    const isRoot = process.geteuid?.() === 0;
    // Root may read every file, so the test becomes nobody for the while.
    if (isRoot) process.seteuid?.(65534);
    try {
      expect(refusal(file)).toBe('permission to read the file is denied');
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('does not wait on a pipe', () => {
    const file = join(dir, 'pipe');
    execFileSync('mkfifo', [file]);
    expect(refusal(file)).toBe('this is not a regular file');
  });

  it('refuses 100 MB without reading them', () => {
    const file = write('large.toml', '');
    truncateSync(file, 100_000_000);
    expect(refusal(file)).toBe('the file is 100000000 bytes large');
  });

  it('names the first line that is not UTF-8', () => {
    const file = write('latin1.toml', Buffer.from('a = 1\n# caf\xe9\n', 'latin1'));
    expect(refusal(file)).toBe('the file is not UTF-8 text; line 2 is the first that is not');
  });
});
