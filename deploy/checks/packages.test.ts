import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from './source-files.ts';

function read(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

const manifest = JSON.parse(read('package.json')) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
const declared = { ...manifest.dependencies, ...manifest.devDependencies };

describe('packages', () => {
  it('have exact versions in package.json', () => {
    const loose = Object.entries(declared).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    expect(loose).toEqual([]);
  });

  it('have no download address in the lock file: it serves every registry', () => {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { resolved?: string }> };
    const addressed = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
    expect(addressed.map(([name]) => name)).toEqual([]);
    expect(read('.npmrc')).toMatch(/^omit-lockfile-registry-resolved=true$/m);
    expect(read('.npmrc')).not.toMatch(/registry=|_auth|:\/\//);
  });

  it('are locked at the declared version, with a checksum', () => {
    const lock = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { version?: string; integrity?: string }>;
    };
    for (const [name, version] of Object.entries(declared)) {
      const locked = lock.packages[`node_modules/${name}`];
      expect([name, locked?.version]).toEqual([name, version]);
    }
    const unchecked = Object.entries(lock.packages).filter(
      ([name, entry]) => name !== '' && entry.integrity === undefined,
    );
    expect(unchecked.map(([name]) => name)).toEqual([]);
  });

  it('have one line each in docs/decisions/dependencies.md, and no line without a package', () => {
    const rows = [...read('docs/decisions/dependencies.md').matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1]);
    expect(rows.toSorted()).toEqual(Object.keys(declared).toSorted());
  });
});
