/** The outcome of reading a text: a value, or the reason that completes "bad value for …:". */
export type TextParse<T> = { ok: true; value: T } | { ok: false; reason: string };

/** The longest delay of a timer in Node (2^31-1 ms, 24.8 days); a longer one would fire at once. */
export const maxTimerMs = 2_147_483_647;

const durationUnitsMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const sizeUnits = { TiB: 2 ** 40, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 } as const;

export const durationPattern = '^(0|([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+)$';
export const sizePattern = '^[0-9]+(B|KiB|MiB|GiB|TiB)?$';

/** `"250ms"`, `"5s"`, `"1m30s"`, `"1.5h"`, `"12h"`, `"30d"` or `"0"` to whole milliseconds. */
export function parseDuration(text: string): TextParse<number> {
  if (!new RegExp(durationPattern).test(text)) return { ok: false, reason: `${quote(text)} is not a duration` };
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * durationUnitsMs[unit as keyof typeof durationUnitsMs];
  }
  // 1.1s is 1100.0000000000001 ms in floating point.
  const wholeMs = Math.round(totalMs);
  if (Math.abs(wholeMs - totalMs) > 1e-6 * Math.max(1, totalMs)) {
    return { ok: false, reason: `${quote(text)} is finer than a millisecond` };
  }
  if (!Number.isSafeInteger(wholeMs)) return { ok: false, reason: `${quote(text)} is too long` };
  return { ok: true, value: wholeMs };
}

/** Milliseconds as `parseDuration` reads them back, e.g. 90000 as `1m30s`. */
export function formatDuration(durationMs: number): string {
  let restMs = durationMs;
  let text = '';
  for (const [unit, unitMs] of Object.entries(durationUnitsMs)) {
    const count = Math.floor(restMs / unitMs);
    restMs -= count * unitMs;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === '' ? '0s' : text;
}

/** `"64MiB"`, `"32KiB"`, `"100"` (bytes) or `"0"` to bytes. Only powers of 1024: `"64MB"` is refused. */
export function parseSize(text: string): TextParse<number> {
  if (!new RegExp(sizePattern).test(text)) {
    const decimal = /^([0-9]+) ?([KMGT])i?[bB]?$/i.exec(text);
    const hint = decimal === null ? '' : `; write "${decimal[1]}${decimal[2]?.toUpperCase()}iB"`;
    return { ok: false, reason: `${quote(text)} is not a size${hint}` };
  }
  const [, digits, unit] = /^([0-9]+)(.*)$/.exec(text) ?? [];
  const bytes = Number(digits) * (unit ? sizeUnits[unit as keyof typeof sizeUnits] : 1);
  return Number.isSafeInteger(bytes)
    ? { ok: true, value: bytes }
    : { ok: false, reason: `${quote(text)} is too large` };
}

/** Bytes as `parseSize` reads them back, in the largest unit that holds them exactly. */
export function formatSize(sizeBytes: number): string {
  for (const [unit, unitBytes] of Object.entries(sizeUnits)) {
    if (sizeBytes > 0 && sizeBytes % unitBytes === 0) return `${sizeBytes / unitBytes}${unit}`;
  }
  return '0';
}

/** JSON-style quotes, which also make control characters visible; long texts are cut. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
