import { errnoOf, messageOf, SystemError } from '../errors/index.ts';
import { coloursFor } from './colour.ts';
import type { Colours } from './colour.ts';
import { escapeControl, escapeControlLines } from './escape.ts';
import { formatTable } from './table.ts';
import type { Column } from './table.ts';

export type Output = {
  readonly isTTY?: boolean;
  write(text: string): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
};

export type TerminalOptions = {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--json`: what a command shows goes out as JSON, and errors too. */
  readonly json: boolean;
};

/** What a command line tool says: data on standard output, everything else on standard error. */
export type Terminal = {
  readonly json: boolean;
  readonly colours: Colours;
  /** Prints `value` as JSON with `--json`, else the text. The text may have lines and colours: escape data in it. */
  show(value: unknown, text: () => string): void;
  /** As show, with an aligned table for the text and the rows for JSON. */
  showTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], toJson?: (row: Row) => unknown): void;
  /** Data as it is, for output that is itself a format (TOML, a certificate). */
  write(text: string): void;
  /** What goes on, on standard error: one line that rewrites itself on a terminal, else a line each. */
  progress(text: string): void;
  warn(text: string): void;
  /** Prints an error with its code, or as `{"error":{…}}` with `--json`. */
  fail(error: unknown): void;
};

/** @param options usually the process's own streams and environment, and whether `--json` was given */
export function createTerminal(options: TerminalOptions): Terminal {
  const { stdout, stderr, env, json } = options;
  const colours = coloursFor(stdout, env);
  const warnings = coloursFor(stderr, env);
  const live = stderr.isTTY === true && env['TERM'] !== 'dumb';
  let onProgressLine = false;
  let closed = false;

  // `mcproxyctl routes list | head`: the reader has what it wanted, and that is no failure of ours.
  stdout.on?.('error', (error) => {
    if (errnoOf(error) !== 'EPIPE') throw error;
    closed = true;
  });

  const endProgress = (): void => {
    if (onProgressLine) stderr.write('\r\u001b[2K');
    onProgressLine = false;
  };
  const data = (text: string): void => {
    endProgress();
    if (!closed && text !== '') stdout.write(text);
  };
  const note = (text: string): void => {
    endProgress();
    stderr.write(`${text}\n`);
  };
  const show = (value: unknown, text: () => string): void => {
    const shown = json ? jsonText(value) : text();
    data(shown.endsWith('\n') || shown === '' ? shown : `${shown}\n`);
  };

  return {
    json,
    colours,
    show,
    showTable: (columns, rows, toJson = (row) => row) => show(rows.map(toJson), () => formatTable(columns, rows)),
    write: data,
    progress(text) {
      if (!live) return note(escapeControl(text));
      stderr.write(`\r\u001b[2K${escapeControl(text)}`);
      onProgressLine = true;
    },
    warn: (text) => note(`${warnings.yellow('warning:')} ${escapeControlLines(text)}`),
    fail(error) {
      const { code, message, details } = describeError(error);
      if (json) return note(jsonText({ error: { code, message, details } }).trimEnd());
      const suffix = code === 'internal' ? '' : warnings.dim(` (${escapeControl(code)})`);
      note(`${warnings.red('error:')} ${escapeControlLines(message)}${suffix}`);
    },
  };
}

function describeError(error: unknown): { code: string; message: string; details: unknown } {
  if (error instanceof SystemError) return { code: error.code, message: error.message, details: error.details };
  return { code: 'internal', message: messageOf(error), details: {} };
}

// JSON leaves DEL, C1 and direction marks raw; inside its strings \u escapes mean the same and are safe to look at.
const rawInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function jsonText(value: unknown): string {
  const text =
    JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item), 2) ?? 'null';
  return `${text.replace(rawInJson, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
