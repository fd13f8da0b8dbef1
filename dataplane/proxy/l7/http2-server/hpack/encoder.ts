import { STATIC_TABLE } from './static-table.ts';

/**
 * Writes field blocks that nothing is stored of (RFC 7541 §6.1, §6.2.2, §6.2.3): no state, so that blocks can be made in any order,
 * and no secret of one response can be guessed by the length of another. As text, a character a byte: a head is joined of many
 * small pieces, which strings do best.
 */

/** RFC 7541 §6.3: our table has no room. Has to stand before the first field of a connection. */
export const NO_TABLE = '\x20';

const INDEXED = 0x80;
const LITERAL = 0x00;
const NEVER_INDEXED = 0x10;
/** RFC 7541 §7.1.3: those after us shall not store them either. */
const SECRET: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization', 'set-cookie']);
const MAX_KNOWN = 512;
const MAX_KNOWN_LENGTH = 64;

const nameIndexes = new Map<string, number>();
const statuses = new Map<number, string>();
for (const [i, [name, value]] of STATIC_TABLE.entries()) {
  if (!nameIndexes.has(name)) nameIndexes.set(name, i + 1);
  if (name === ':status') statuses.set(Number(value), integer(i + 1, 7, INDEXED));
}

/** By name: the beginning of a field up to its value. Filled first come, then closed. */
const beginnings = new Map<string, string>();

/** `status`: three digits. */
export function encodeStatus(status: number): string {
  return statuses.get(status) ?? encodeField(':status', String(status));
}

/** `name` in lower case, both in latin-1. */
export function encodeField(name: string, value: string): string {
  return (beginnings.get(name) ?? beginningOf(name)) + integer(value.length, 7, 0) + value;
}

function beginningOf(name: string): string {
  const index = nameIndexes.get(name) ?? 0;
  const beginning =
    integer(index, 4, SECRET.has(name) ? NEVER_INDEXED : LITERAL) +
    (index === 0 ? integer(name.length, 7, 0) + name : '');
  if (beginnings.size < MAX_KNOWN && name.length <= MAX_KNOWN_LENGTH) beginnings.set(name, beginning);
  return beginning;
}

/** RFC 7541 §5.1. */
function integer(value: number, prefixBits: number, pattern: number): string {
  const max = (1 << prefixBits) - 1;
  if (value < max) return String.fromCharCode(pattern | value);
  let text = String.fromCharCode(pattern | max);
  let rest = value - max;
  for (; rest >= 0x80; rest >>>= 7) text += String.fromCharCode((rest & 0x7f) | 0x80);
  return text + String.fromCharCode(rest);
}
