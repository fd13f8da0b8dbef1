import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { defineErrors } from '../errors/index.ts';
import { coloursFor, createTerminal, escapeControl, escapeControlLines, exitCode } from './index.ts';
import { formatDuration, formatPairs, formatSize, formatTable } from './index.ts';
import type { TerminalOptions } from './index.ts';

const errors = defineErrors('demo', { route_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false } });

function capture(options: Partial<TerminalOptions> & { tty?: boolean } = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const isTTY = options.tty ?? false;
  const terminal = createTerminal({
    stdout: { isTTY, write: (text) => out.push(text) },
    stderr: { isTTY, write: (text) => err.push(text) },
    env: {},
    json: false,
    ...options,
  });
  return { terminal, out: () => out.join(''), err: () => err.join('') };
}

const columns = [
  { title: 'host', value: (row: { host: string; bytes: number }) => row.host },
  { title: 'bytes', align: 'right', value: (row: { host: string; bytes: number }) => row.bytes },
] as const;

describe('exit codes', () => {
  it('are those that every tool promises', () => {
    expect(exitCode).toEqual({ ok: 0, failed: 1, drift: 2, partial: 3, usage: 64, badConfig: 78, interrupted: 130 });
  });
});

describe('escapeControl', () => {
  it('shows what would steer a terminal', () => {
    expect(escapeControl('a\u001b[2Jb\r\n\t\u009b\u202e\u2028\ud800')).toBe(
      String.raw`a\x1b[2Jb\r\n\t\x9b\u202e\u2028\ud800`,
    );
    expect(escapeControlLines('a\u0007\nb')).toBe('a\\x07\nb');
  });

  it('leaves safe text as it is', () => {
    for (const text of ['', 'plain text', 'äöü 日本語 👩‍🚀', 'a\\x1b']) expect(escapeControl(text)).toBe(text);
  });

  it('leaves no control character of any text, and a second time changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const safe = escapeControl(text);
        expect(safe).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029]/u);
        expect(escapeControl(safe)).toBe(safe);
      }),
    );
  });
});

describe('tables', () => {
  it('align under their titles, numbers to the right, no trailing spaces', () => {
    expect(
      formatTable(columns, [
        { host: 'a.example.test', bytes: 7 },
        { host: '日本.test', bytes: 12345 },
        { host: '', bytes: 0 },
      ]),
    ).toBe(
      [
        'HOST            BYTES', //
        'a.example.test      7',
        '日本.test       12345',
        '-                   0',
        '',
      ].join('\n'),
    );
  });

  it('escape what their cells hold', () => {
    expect(formatTable(columns, [{ host: 'a\u001b[31m\nb', bytes: 1 }])).toContain('a\\x1b[31m\\nb');
  });

  it('lay out pairs', () => {
    expect(
      formatPairs([
        ['version', '0.1.0'],
        ['up', null],
      ]),
    ).toBe('version  0.1.0\nup       -\n');
  });

  it('give every line of any rows the same columns', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ host: fc.string({ unit: 'grapheme-ascii' }), bytes: fc.nat() })), (rows) => {
        const lines = formatTable(columns, rows).split('\n');
        expect(lines).toHaveLength(rows.length + 2);
        for (const line of lines.slice(1, -1)) expect(line).toHaveLength(lines[0]!.length);
      }),
    );
  });
});

describe('units', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [1_048_575, '1 MiB'],
    [67_108_864, '64 MiB'],
    [-2048, '-2 KiB'],
    [Number.NaN, '-'],
  ])('prints %d bytes as %s', (bytes, text) => expect(formatSize(bytes)).toBe(text));

  it.each([
    [0, '0s'],
    [3, '3ms'],
    [999.6, '1s'],
    [1500, '1.5s'],
    [59_949, '59.9s'],
    [59_951, '1m'],
    [125_000, '2m5s'],
    [3_599_400, '59m59s'],
    [3_599_600, '1h'],
    [86_369_000, '23h59m'],
    [86_371_000, '1d'],
    [273_600_000, '3d4h'],
    [-5000, '-5s'],
    [Number.POSITIVE_INFINITY, '-'],
  ])('prints %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe('colour', () => {
  it('only goes to a terminal, and never with NO_COLOR or a dumb terminal', () => {
    expect(coloursFor({ isTTY: true }, {}).red('x')).toBe('\u001b[31mx\u001b[39m');
    expect(coloursFor({ isTTY: true }, { NO_COLOR: '' }).red('x')).not.toBe('x');
    expect(coloursFor({ isTTY: true }, { NO_COLOR: '1' }).red('x')).toBe('x');
    expect(coloursFor({ isTTY: true }, { TERM: 'dumb' }).red('x')).toBe('x');
    expect(coloursFor({}, {}).red('x')).toBe('x');
  });
});

describe('terminal', () => {
  it('prints data on standard output, as text or as JSON', () => {
    const rows = [{ host: 'a', bytes: 1 }];
    const text = capture();
    text.terminal.showTable(columns, rows);
    text.terminal.show({ a: 1 }, () => 'one');
    expect([text.out(), text.err()]).toEqual(['HOST  BYTES\na         1\none\n', '']);
    const json = capture({ json: true });
    json.terminal.showTable(columns, rows);
    expect(JSON.parse(json.out())).toEqual(rows);
  });

  it('prints JSON that is safe to look at and means the same', () => {
    const { terminal, out } = capture({ json: true });
    const value = { host: 'a\u001b\u009b\u202eb', count: 12n };
    terminal.show(value, () => '');
    expect(out()).not.toMatch(/[\u007f-\u009f\u202e]/);
    expect(JSON.parse(out())).toEqual({ ...value, count: '12' });
  });

  it('keeps progress, warnings and errors on standard error', () => {
    const { terminal, out, err } = capture();
    terminal.progress('step\u001b 1');
    terminal.warn('old key');
    terminal.fail(errors.error('route_invalid', 'backend has no port'));
    terminal.fail(new Error('odd'));
    expect(out()).toBe('');
    expect(err()).toBe('step\\x1b 1\nwarning: old key\nerror: backend has no port (route_invalid)\nerror: odd\n');
  });

  it('prints errors as JSON with --json', () => {
    const { terminal, err } = capture({ json: true });
    terminal.fail(errors.error('route_invalid', 'no port', { field: 'backend' }));
    expect(JSON.parse(err())).toEqual({
      error: { code: 'route_invalid', message: 'no port', details: { field: 'backend' } },
    });
  });

  it('rewrites one progress line on a terminal and clears it before anything else', () => {
    const { terminal, out, err } = capture({ tty: true });
    terminal.progress('1 of 2');
    terminal.progress('2 of 2');
    terminal.write('data\n');
    expect([err(), out()]).toEqual(['\r\u001b[2K1 of 2\r\u001b[2K2 of 2\r\u001b[2K', 'data\n']);
  });
});
