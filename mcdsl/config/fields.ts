import { z } from 'zod';
import { parseHostPort, parseListenAddress } from './addresses.ts';
import type { HostPort, ListenAddress } from './addresses.ts';
import { expecting } from './schema-walk.ts';
import {
  durationPattern,
  formatDuration,
  formatSize,
  maxTimerMs,
  parseDuration,
  parseSize,
  quote,
  sizePattern,
} from './units.ts';
import type { TextParse } from './units.ts';

/** A string of the file that becomes a `T`. Give defaults as they are written in the file, with `.prefault("5s")`. */
export type TextField<T> = z.ZodPipe<z.ZodString, z.ZodTransform<T, string>>;

export interface TextWords {
  /** Completes "expected:", and describes the key in the JSON Schema. */
  expected: string;
  /** For the JSON Schema; loading goes by `parse` alone. */
  pattern?: string;
  /**
   * A valid text that takes the place of a wrong or missing one while the other settings are checked, so that one bad
   * address does not hide the other mistakes of its table. What the check reports of it is dropped.
   */
  standIn?: string;
}

/** Makes a schema of a parse function, e.g. for CIDRs: `textField(parseCidr, { expected: 'a CIDR such as "10.0.0.0/8"' })`. */
export function textField<T>(parse: (text: string) => TextParse<T>, words: TextWords): TextField<T> {
  const pattern = words.pattern === undefined ? {} : { pattern: words.pattern };
  const text = expecting(z.string().meta({ description: words.expected, ...pattern }), words.expected, words.standIn);
  return text.transform((value, context): T => {
    const parsed = parse(value);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.reason });
    return z.NEVER;
  }) as TextField<T>;
}

/** Milliseconds. At most what a timer can wait, unless `maxMs` says otherwise. */
export function duration(bounds: { minMs?: number; maxMs?: number } = {}): TextField<number> {
  const { minMs = 0, maxMs = maxTimerMs } = bounds;
  const limits = boundsText(minMs, maxMs === maxTimerMs ? Infinity : maxMs, formatDuration);
  return textField((text) => bounded(text, parseDuration(text), minMs, maxMs, formatDuration), {
    expected: `a duration such as "250ms", "5s", "1m30s" or "12h"${limits}`,
    pattern: durationPattern,
    standIn: formatDuration(minMs),
  });
}

/** Bytes. */
export function size(bounds: { minBytes?: number; maxBytes?: number } = {}): TextField<number> {
  const { minBytes = 0, maxBytes = Infinity } = bounds;
  return textField((text) => bounded(text, parseSize(text), minBytes, maxBytes, formatSize), {
    expected: `a size such as "32KiB", "64MiB" or "0"${boundsText(minBytes, maxBytes, formatSize)}`,
    pattern: sizePattern,
    standIn: formatSize(minBytes),
  });
}

export function hostPort(): TextField<HostPort> {
  return textField(parseHostPort, {
    expected: 'an address such as "10.0.0.7:8443", "[fd00::7]:8443" or "app.internal:8443"',
    standIn: 'stand-in.invalid:1',
  });
}

export function listenAddress(): TextField<ListenAddress> {
  return textField(parseListenAddress, { expected: listenExpected, standIn: '127.0.0.1:0' });
}

/** As `listenAddress`, and `""` for a listener that is switched off. */
export function listenAddressOrOff(): TextField<ListenAddress | null> {
  return textField<ListenAddress | null>(
    (text) => (text === '' ? { ok: true, value: null } : parseListenAddress(text)),
    {
      expected: `${listenExpected}, or "" for none`,
    },
  );
}

const listenExpected = 'an address such as ":443", "127.0.0.1:9091", "[::1]:9091" or "fd:NAME"';

/** Permission bits, written in octal: `"0660"`. */
export function fileMode(): TextField<number> {
  return textField(
    (text) =>
      /^0?[0-7]{3}$/.test(text)
        ? { ok: true, value: Number.parseInt(text, 8) }
        : { ok: false, reason: `${quote(text)} is not a file mode` },
    { expected: 'an octal file mode such as "0660"', pattern: '^0?[0-7]{3}$' },
  );
}

/** A path; it need not exist. */
export function filePath(): TextField<string> {
  return textField(
    (text) => {
      if (text === '') return { ok: false, reason: 'the path is empty' };
      return text.includes('\0') ? { ok: false, reason: 'the path holds a NUL character' } : { ok: true, value: text };
    },
    { expected: 'a path', standIn: '/dev/null' },
  );
}

/** As `filePath`, and `""` for none, which stays `""`. */
export function filePathOrNone(): TextField<string> {
  return textField(
    (text) =>
      text.includes('\0') ? { ok: false, reason: 'the path holds a NUL character' } : { ok: true, value: text },
    { expected: 'a path, or "" for none' },
  );
}

function bounded(
  text: string,
  parsed: TextParse<number>,
  min: number,
  max: number,
  format: (value: number) => string,
): TextParse<number> {
  if (!parsed.ok) return parsed;
  if (parsed.value < min) return { ok: false, reason: `${quote(text)} is less than ${format(min)}` };
  if (parsed.value > max) return { ok: false, reason: `${quote(text)} is more than ${format(max)}` };
  return parsed;
}

function boundsText(min: number, max: number, format: (value: number) => string): string {
  if (min > 0 && max !== Infinity) return `, from ${format(min)} to ${format(max)}`;
  if (min > 0) return `, at least ${format(min)}`;
  return max === Infinity ? '' : `, at most ${format(max)}`;
}
