import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryFiles, repositoryRoot, type SourceFile } from './source-files.ts';

const topFolders = 'bin|proto|mcdsl|native-deps|dataplane|controlplane|services|bench|deploy|docs';
const inCheckout = new RegExp(`^(?:${topFolders})/`);
const mentioned = new RegExp(`(?<![\\w./-])(?:${topFolders})/[\\w.{},/-]*[\\w}/]`, 'g');
const pathLike = /^[\w.@-]+(?:\/[\w.@{},-]+)*\/?$/;
const sourceName = /\w\.(?:ts|mjs|proto|md)$/;
const fence = /^```[^\n]*\n([\s\S]*?)^```/gm;

/** The checkout, as far as pages name it: paths from the root without a `/` at the end. */
interface Tree {
  exists(path: string): boolean;
  read(path: string): string;
}

/** What a page names and the checkout does not have: paths in backticks and in drawings, and relative links with their headings. */
function deadNames({ path: page, source }: SourceFile, tree: Tree): string[] {
  const isThere = (path: string): boolean =>
    foldersOf(page).some((folder) => tree.exists(posix.join(folder, path).replace(/\/$/, '')));
  const links = [...source.matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].flatMap(([, to = '', heading]) => {
    const target = to === '' ? page : posix.join(posix.dirname(page), to);
    if (tree.exists(target) && (heading === undefined || headingsOf(tree.read(target)).includes(heading))) return [];
    return [heading === undefined ? to : `${to}#${heading}`];
  });
  return [...pathsNamedBy(source).filter((path) => !isThere(path)), ...links].map((name) => `${page}: ${name}`);
}

function pathsNamedBy(source: string): string[] {
  const drawings = [...source.matchAll(fence)].flatMap(([, text = '']) => text.match(mentioned) ?? []);
  const spans = [...source.replace(fence, '').matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  const paths = spans.filter((span) => pathLike.test(span) && (inCheckout.test(span) || sourceName.test(span)));
  return [...drawings, ...paths].flatMap(alternatives);
}

/** `a/{b,c}.ts` is `a/b.ts` and `a/c.ts`. */
function alternatives(path: string): string[] {
  const [whole, list] = /\{([^}]*)\}/.exec(path) ?? [];
  if (whole === undefined || list === undefined) return [path];
  return list.split(',').flatMap((one) => alternatives(path.replace(whole, one)));
}

/** The folders that a path lies in, the root as ''. */
function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return ['', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}

function headingsOf(source: string): string[] {
  const titles = [...source.replace(fence, '').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title);
  return titles.map((title) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('documentation', () => {
  it('names only files and headings that exist', () => {
    const tree: Tree = {
      exists: (path) => existsSync(join(repositoryRoot, path)),
      read: (path) => readFileSync(join(repositoryRoot, path), 'utf8'),
    };
    const pages = repositoryFiles().filter(({ path }) => path.endsWith('.md'));
    expect(pages.map(({ path }) => path)).toContain('docs/ARCHITECTURE.md');
    expect(pages.flatMap((page) => deadNames(page, tree))).toEqual([]);
  });

  it('is caught when a file, a folder, a link or a heading is gone', () => {
    const source = [
      '`mcdsl/config` `load.ts` `mcdsl/config/{load,save}.ts` `npm start` `/srv/a.ts` `.ts` [web](https://a.test/)',
      '```',
      'drawn: mcdsl/gone/',
      '```',
      '`dataplane/x.ts` [b](../b.md#what-is-there) [c](../c.md) [no](../b.md#no)',
    ].join('\n');
    const tree: Tree = {
      exists: (path) => ['mcdsl/config', 'mcdsl/config/load.ts', 'mcdsl/b.md'].includes(path),
      read: () => '# What `is` there\n',
    };
    expect(deadNames({ path: 'mcdsl/config/README.md', source }, tree)).toEqual([
      'mcdsl/config/README.md: mcdsl/gone/',
      'mcdsl/config/README.md: mcdsl/config/save.ts',
      'mcdsl/config/README.md: dataplane/x.ts',
      'mcdsl/config/README.md: ../c.md',
      'mcdsl/config/README.md: ../b.md#no',
    ]);
  });
});
