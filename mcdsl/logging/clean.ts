import type { LogFields } from './logger.ts';

export type CleanFields = Record<string, unknown>;

const redacted = '[redacted]';
const maxDepth = 6;
const maxEntries = 100;
const maxText = 8192;
const maxKnownKeys = 2048;

const secretWords = new Set(
  (
    'password passwd passphrase secret secrets token tokens authorization cookie cookies credential credentials ' +
    'bearer jwt otp totp verifier'
  ).split(' '),
);
const secretPairs = new Set(['private key', 'api key', 'secret key', 'master key', 'session key', 'recovery code']);
// A name ending so tells about a secret without being one: token_id, password_length, tokens_total.
const harmlessEnds = new Set(
  'id ids count total length bytes ms seconds path file age type kind name hash at'.split(' '),
);

const knownKeys = new Map<string, boolean>();

/**
 * Turns fields into plain data that is safe to log and to send between threads: secrets redacted by the name of their
 * key at any depth and by the look of a private key, errors flattened with their causes, bytes reduced to their length,
 * and depth, width and text bounded. It never throws.
 */
export function cleanFields(fields: LogFields): CleanFields {
  return cleanObject(fields, 0, new Set());
}

/** Whether the value under a key of this name must not be logged. */
export function isSecretKey(key: string): boolean {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  const answer = judgeKey(key);
  // Keys are names in our code; the bound is for maps whose keys come from outside.
  if (knownKeys.size < maxKnownKeys) knownKeys.set(key, answer);
  return answer;
}

function judgeKey(key: string): boolean {
  const words = key
    .slice(0, 256)
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  if (harmlessEnds.has(words.at(-1) ?? '')) return false;
  return words.some((word, i) => secretWords.has(word) || secretPairs.has(`${words[i - 1]} ${word}`));
}

function cleanValue(value: unknown, depth: number, above: Set<object>): unknown {
  switch (typeof value) {
    case 'string':
      return cleanText(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
    case 'undefined':
      return value;
    case 'bigint':
    case 'symbol':
      return String(value);
    case 'function':
      return '[function]';
    case 'object':
      return value === null ? null : cleanReference(value, depth, above);
    default:
      return '[unknown]';
  }
}

function cleanText(text: string): string {
  if (text.includes('PRIVATE KEY-----')) return redacted;
  return text.length <= maxText ? text : `${text.slice(0, maxText)}… (${text.length - maxText} more)`;
}

function cleanReference(value: object, depth: number, above: Set<object>): unknown {
  if (above.has(value)) return '[circular]';
  if (depth >= maxDepth) return '[deep]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  above.add(value);
  try {
    if (value instanceof Error) return cleanError(value, depth + 1, above);
    if (Array.isArray(value)) return cleanList(value, depth + 1, above);
    if (value instanceof Set) return cleanList([...value], depth + 1, above);
    if (value instanceof Map) return cleanObject(Object.fromEntries(value), depth + 1, above);
    return cleanObject(value, depth + 1, above);
  } catch (error) {
    // A getter, a proxy or a key without a text form: the line matters more than this value.
    return `[unreadable: ${error instanceof Error ? error.name : typeof error}]`;
  } finally {
    above.delete(value);
  }
}

function cleanList(list: readonly unknown[], depth: number, above: Set<object>): unknown[] {
  const kept = list.slice(0, maxEntries).map((item) => cleanValue(item, depth, above));
  if (list.length > maxEntries) kept.push(`… (${list.length - maxEntries} more)`);
  return kept;
}

function cleanObject(object: object, depth: number, above: Set<object>): CleanFields {
  const clean: CleanFields = {};
  let left = maxEntries;
  for (const key of Object.keys(object)) {
    if (left-- === 0) {
      clean['more_keys'] = true;
      break;
    }
    setField(clean, key, isSecretKey(key) ? redactPresent(object, key) : readField(object, key, depth, above));
  }
  return clean;
}

/** Defines rather than assigns, so that a key named `__proto__` is a key like any other. */
function setField(clean: CleanFields, key: string, value: unknown): void {
  Object.defineProperty(clean, key, { value, enumerable: true, configurable: true, writable: true });
}

function readField(object: object, key: string, depth: number, above: Set<object>): unknown {
  try {
    return cleanValue(Reflect.get(object, key), depth, above);
  } catch (error) {
    return `[unreadable: ${error instanceof Error ? error.name : typeof error}]`;
  }
}

/** That a secret is set or not is worth knowing; what it is, never. */
function redactPresent(object: object, key: string): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(object, key);
  const value: unknown = descriptor?.value;
  return value === null || typeof value === 'boolean' ? value : redacted;
}

function cleanError(error: Error, depth: number, above: Set<object>): CleanFields {
  const clean: CleanFields = { type: cleanText(String(error.name)), message: cleanText(String(error.message)) };
  if (typeof error.stack === 'string') clean['stack'] = cleanText(error.stack);
  for (const key of Object.keys(error)) {
    if (key in clean || key === 'name') continue;
    setField(clean, key, isSecretKey(key) ? redactPresent(error, key) : readField(error, key, depth, above));
  }
  if (error.cause !== undefined) clean['cause'] = cleanValue(error.cause, depth, above);
  if (error instanceof AggregateError) clean['errors'] = cleanList(error.errors, depth, above);
  return clean;
}
