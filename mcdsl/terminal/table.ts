import { escapeControl } from './escape.ts';
import { displayWidth } from './width.ts';

export type Column<Row> = {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** The cell of a row; null and undefined print as `-`. Control characters in it are escaped. */
  readonly value: (row: Row) => string | number | boolean | null | undefined;
};

/** Lays rows out under their titles in aligned columns, each line ended by a line feed and without trailing spaces. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map((column) => column.title.toUpperCase()),
    ...rows.map((row) => columns.map((column) => cell(column.value(row)))),
  ];
  const widths = columns.map((_, i) => lines.reduce((most, line) => Math.max(most, displayWidth(line[i] ?? '')), 0));
  return lines
    .map((line) => line.map((text, i) => pad(text, widths[i] ?? 0, columns[i]?.align ?? 'left')))
    .map((line) => `${line.join('  ').trimEnd()}\n`)
    .join('');
}

/** Name and value pairs, one a line, values aligned. */
export function formatPairs(
  pairs: readonly (readonly [string, string | number | boolean | null | undefined])[],
): string {
  const width = pairs.reduce((most, [name]) => Math.max(most, displayWidth(name)), 0);
  return pairs.map(([name, value]) => `${pad(name, width, 'left')}  ${cell(value)}\n`).join('');
}

function cell(value: string | number | boolean | null | undefined): string {
  return value === null || value === undefined || value === '' ? '-' : escapeControl(String(value));
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + space : space + text;
}
