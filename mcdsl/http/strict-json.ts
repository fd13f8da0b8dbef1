import { httpErrors } from './errors.ts';

export type JsonLimits = {
  /** Of arrays and objects within one another. */
  readonly maxDepth: number;
};

export const defaultJsonLimits: JsonLimits = { maxDepth: 32 };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const backslash = 0x5c;
const quote = 0x22;

/**
 * Parses RFC 8259 text and refuses what two parsers could read differently (RFC 8259 §4, §8): invalid UTF-8, a byte order mark,
 * lone surrogates, names that occur twice in an object, `__proto__`, and depth above the limit. Cost: JSON.parse and one pass over
 * the text.
 * @throws SystemError invalid_argument, with `details.reason` bad_encoding or bad_json
 */
export function parseStrictJson(bytes: Uint8Array, limits: JsonLimits = defaultJsonLimits): unknown {
  const text = decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own text quotes the input, which may hold a secret.
    throw refuse('bad_json', 'the body is not JSON');
  }
  checkNames(text, limits.maxDepth);
  return value;
}

/** @throws SystemError invalid_argument (bad_encoding) */
export function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw refuse('bad_encoding', 'the body is not UTF-8');
  }
}

/** The text is known to be JSON, so strings, braces and colons are all there is to see. */
function checkNames(text: string, maxDepth: number): void {
  // One entry for each open bracket: the names so far of an object, null for an array.
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
      case 0x5b: // [
        if (open.length >= maxDepth) throw refuse('bad_json', `the body is nested more than ${maxDepth} levels deep`);
        open.push(text.charCodeAt(at) === 0x7b ? new Set() : null);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        break;
      case quote: {
        const end = endOfString(text, at);
        const isEscaped = text.slice(at, end).includes('\\');
        const string = isEscaped ? (JSON.parse(text.slice(at, end + 1)) as string) : text.slice(at + 1, end);
        if (isEscaped && !string.isWellFormed()) throw refuse('bad_encoding', 'a string holds half a surrogate pair');
        const names = open.at(-1) ?? null;
        if (names !== null && isName(text, end + 1)) addName(names, string);
        at = end;
        break;
      }
    }
  }
}

/** The index of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1;
  return at;
}

/** In JSON a string before a colon is a name, and nothing else is. */
function isName(text: string, after: number): boolean {
  let at = after;
  while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at++;
  return text.charAt(at) === ':';
}

function addName(names: Set<string>, name: string): void {
  if (name === '__proto__') throw refuse('bad_json', 'the name "__proto__" is not accepted');
  if (names.has(name)) throw refuse('bad_json', 'a name occurs twice in one object');
  names.add(name);
}

function refuse(reason: 'bad_json' | 'bad_encoding', message: string) {
  return httpErrors.error('invalid_argument', message, { reason });
}
