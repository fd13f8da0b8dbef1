import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);

async function filesBelow(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    paths.map(async (path) => [path.slice(folder.length + 1), await readFile(path, 'utf8')]),
  );
  return new Map(texts.sort() as [string, string][]);
}

describe('generated code', () => {
  it('is what the contracts generate today, byte for byte', async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'mc-generate-'));
    try {
      await run(join(root, 'node_modules/.bin/buf'), ['generate', '--output', scratch], { cwd: root });
      const fresh = await filesBelow(join(scratch, 'proto/gen'));
      const committed = await filesBelow(join(root, 'proto/gen'));
      expect([...committed.keys()]).toEqual([...fresh.keys()]);
      for (const [path, text] of fresh) {
        expect(committed.get(path) === text, `proto/gen/${path} differs: run npm run generate`).toBe(true);
      }
    } finally {
      await rm(scratch, { recursive: true });
    }
  });

  it('passes the rules for contracts', async () => {
    await expect(run(join(root, 'node_modules/.bin/buf'), ['lint'], { cwd: root })).resolves.toMatchObject({
      stdout: '',
    });
  });
});
