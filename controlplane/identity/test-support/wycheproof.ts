import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, type TestContext } from 'vitest';

import { refuse } from '../../../deploy/checks/clients.ts';

/** A file of test vectors of Project Wycheproof: groups of cases that share a key or a size. */
export type VectorFile<Group> = { readonly testGroups: readonly Group[] };

const fetchProgram = join(import.meta.dirname, '../../../deploy/wycheproof/fetch');

/**
 * Called at the top of a `describe`: reads a file of the crate wycheproof, which `deploy/wycheproof/fetch` gets. Where it cannot be
 * had, the tests of the `describe` fail in CI and are skipped elsewhere, by name.
 */
export function wycheproofGroups<Group>(name: string): readonly Group[] {
  const { status, stdout, stderr } = spawnSync(fetchProgram, { encoding: 'utf8' });
  if (status === 0) {
    const file = JSON.parse(readFileSync(join(stdout.trim(), `${name}.json`), 'utf8')) as VectorFile<Group>;
    return file.testGroups;
  }
  const ci = process.env['CI'];
  const inCi = ci !== undefined && ci !== '' && ci !== 'false' && ci !== '0';
  beforeEach((context: TestContext) => refuse(context, [stderr.trim() || 'deploy/wycheproof/fetch'], inCi));
  return [];
}
