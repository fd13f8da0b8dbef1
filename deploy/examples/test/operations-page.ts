import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../checks/source-files.ts';

export const page = readFileSync(join(repositoryRoot, 'docs/operations.md'), 'utf8');

/** The text under a heading, up to the next heading of any level. */
export function section(heading: string): string {
  const from = page.indexOf(`\n${heading}\n`);
  if (from === -1) throw new Error(`docs/operations.md has no heading "${heading}"`);
  const text = page.slice(from + heading.length + 2);
  const next = text.search(/^#{1,6} /m);
  return next === -1 ? text : text.slice(0, next);
}

/** Lines of all code blocks of a language, without indentation. */
export function codeLines(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^ *\`\`\`${language}\n([^]*?)^ *\`\`\`$`, 'gm'))].flatMap(([, block = '']) =>
    block
      .trimEnd()
      .split('\n')
      .map((line) => line.trimStart()),
  );
}

/** Rows of all tables of a text, each a list of cells; heads and rules left out. */
export function tableRows(text: string): string[][] {
  const lines = text.split('\n');
  return lines.flatMap((line, i) => {
    const isRow = line.startsWith('| ') && lines[i + 1]?.startsWith('|---') !== true;
    const cells = line.slice(1, -1).split(/(?<!\\)\|/);
    return isRow ? [cells.map((cell) => cell.trim())] : [];
  });
}

/** The words in backticks, those of code blocks left out. */
export function quoted(text: string): string[] {
  const prose = text.replace(/^ *```[^]*?^ *```$/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, word = '']) => word);
}
