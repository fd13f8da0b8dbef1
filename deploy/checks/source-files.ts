import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** A file of the checkout: its path from the root with `/`, and its text. */
export type SourceFile = { readonly path: string; readonly source: string };

export const repositoryRoot = join(import.meta.dirname, '../..');

/** What is not ours to check: installed, generated at run time, or a program's own. */
const ignored = new Set(['node_modules', '.git', 'srv', 'coverage', 'target', '.installed']);
const generated = 'proto/gen/';
const codeFolders = ['mcdsl', 'dataplane', 'controlplane', 'services', 'bench', 'deploy'];

/**
 * Every text file of the checkout but ignored ones. Walks the tree instead of asking git: the same answer in a clone, in an
 * unpacked archive, and for a user whom git does not trust with this checkout.
 */
export function repositoryFiles(root: string = repositoryRoot): SourceFile[] {
  return [...walk(root, '')].map((path) => ({ path, source: readFileSync(join(root, path), 'utf8') }));
}

/** The TypeScript that people write, tests included. */
export function codeFiles(files: readonly SourceFile[]): SourceFile[] {
  return files.filter(
    ({ path }) =>
      path.endsWith('.ts') &&
      !path.startsWith(generated) &&
      codeFolders.some((folder) => path.startsWith(`${folder}/`)),
  );
}

/** Test files, and the folders of what only tests use. */
export function isTestCode(path: string): boolean {
  return path.endsWith('.test.ts') || /(^|\/)(test|test-support)\//.test(path);
}

function* walk(root: string, folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (ignored.has(entry.name) || entry.name.endsWith('.log')) continue;
    if (entry.isDirectory()) yield* walk(root, path);
    if (entry.isFile()) yield path;
  }
}
