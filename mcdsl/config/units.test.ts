import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

describe('durations', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['100ms', 100],
    ['5s', 5_000],
    ['1.5s', 1_500],
    ['1.1s', 1_100],
    ['1m30s', 90_000],
    ['12h', 43_200_000],
    ['2d', 172_800_000],
  ])('%s is %i ms', (text, durationMs) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: durationMs });
  });

  it.each([
    '',
    '5',
    '5 s',
    ' 5s',
    '5s ',
    '-5s',
    '+5s',
    '5S',
    '5sec',
    's',
    '.5s',
    '5.s',
    '0.1ms',
    '1e3s',
    '5s5',
    '٥s',
    '9'.repeat(30) + 'h',
    '5s\n',
  ])('refuses %j', (text) => {
    expect(parseDuration(text).ok).toBe(false);
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (durationMs) => {
        expect(parseDuration(formatDuration(durationMs))).toEqual({ ok: true, value: durationMs });
      }),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.smhd]*$/)), (text) => void parseDuration(text)),
    );
  });
});

describe('sizes', () => {
  it.each([
    ['0', 0],
    ['100', 100],
    ['100B', 100],
    ['16KiB', 16_384],
    ['64MiB', 67_108_864],
    ['2GiB', 2_147_483_648],
  ])('%s is %i bytes', (text, sizeBytes) => {
    expect(parseSize(text)).toEqual({ ok: true, value: sizeBytes });
  });

  it.each(['', '-1', '1.5MiB', '64 MiB', 'MiB', '1kib', '1e3', '0x10', '9999999TiB', '1\n'])('refuses %j', (text) => {
    expect(parseSize(text).ok).toBe(false);
  });

  it('names the unit that was meant', () => {
    expect(parseSize('64MB')).toEqual({ ok: false, reason: '"64MB" is not a size; write "64MiB"' });
    expect(parseSize('8k')).toEqual({ ok: false, reason: '"8k" is not a size; write "8KiB"' });
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (sizeBytes) => {
        expect(parseSize(formatSize(sizeBytes))).toEqual({ ok: true, value: sizeBytes });
      }),
    );
  });
});
