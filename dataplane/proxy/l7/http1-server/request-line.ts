import { METHODS } from 'node:http';
import { readFieldLines, TEXT_CHARACTERS, TOKEN_CHARACTERS } from '../http1/field-lines.ts';
import type { RawHead } from '../request-head.ts';

const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const VERSION = /^HTTP\/\d\.\d$/;
/** A method of nobody's is more likely an attack on some backend's parser than a use. */
const KNOWN: ReadonlySet<string> = new Set(METHODS);

/**
 * Reads a request head (`text`: its lines with their CRLF, without the empty one; RFC 9112 §3). Returns what is wrong with its
 * form as a string; what it means is judged by `normaliseHead`.
 */
export function readRequest(text: string): RawHead | string {
  let at = 0;
  while (TOKEN_CHARACTERS[text.charCodeAt(at)] === 1) at++;
  const method = text.slice(0, at);
  if (text.charCodeAt(at) !== SPACE || !KNOWN.has(method)) return 'method';
  const targetAt = ++at;
  while (text.charCodeAt(at) !== SPACE && TEXT_CHARACTERS[text.charCodeAt(at)] === 1) at++;
  if (at === targetAt || text.charCodeAt(at) !== SPACE) return 'request target';
  const target = text.slice(targetAt, at);
  const versionAt = at + 1;
  const lineEnd = versionAt + 'HTTP/1.1'.length;
  const version = text.slice(versionAt, lineEnd);
  if (!VERSION.test(version) || text.charCodeAt(lineEnd) !== CR || text.charCodeAt(lineEnd + 1) !== LF) {
    return 'HTTP version';
  }
  const raw: string[] = [];
  const fault = readFieldLines(text, lineEnd + 2, text.length, raw);
  if (fault) return fault;
  return {
    protocol: 'http1',
    version: version === 'HTTP/1.1' ? '1.1' : version.slice('HTTP/'.length),
    method,
    target,
    authority: null,
    raw,
    fieldsFrom: 0,
    endsStream: false,
  };
}
