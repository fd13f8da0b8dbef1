import { randomBytes } from 'node:crypto';
import { headerName } from '../header-kinds.ts';
import type { RawHead } from '../request-head.ts';

/** A request head in the form that RFC 9113 §8.3 wants; what it means is judged by `normaliseHead`. */
export interface ReadRequest {
  readonly head: RawHead;
  readonly isWebSocket: boolean;
  /** What the body has to be as long as; -1 where nothing says so. */
  readonly contentLength: number;
}

const LENGTH = /^\d{1,15}$/;
const COLON = 0x3a;

/** `raw`: names and values that a field may have. Returns what is wrong as a string. */
export function readRequest(raw: readonly string[], endsStream: boolean): ReadRequest | string {
  let method: string | null = null;
  let scheme: string | null = null;
  let target: string | null = null;
  let authority: string | null = null;
  let protocol: string | null = null;
  let fieldsFrom = 0;
  for (; fieldsFrom < raw.length; fieldsFrom += 2) {
    const name = raw[fieldsFrom] ?? '';
    if (name.charCodeAt(0) !== COLON) break;
    const value = raw[fieldsFrom + 1] ?? '';
    if (name === ':method' && method === null) method = value;
    else if (name === ':scheme' && scheme === null) scheme = value;
    else if (name === ':path' && target === null) target = value;
    else if (name === ':authority' && authority === null) authority = value;
    else if (name === ':protocol' && protocol === null) protocol = value;
    else return name;
  }
  const contentLength = checkFields(raw, fieldsFrom);
  if (typeof contentLength === 'string') return contentLength;
  if (method === null) return 'no :method';
  // RFC 9113 §8.5, RFC 8441 §4.
  const isPlainConnect = method === 'CONNECT' && protocol === null;
  if (isPlainConnect ? scheme !== null || target !== null : scheme === null || !target) return ':scheme or :path';
  if (protocol !== null && method !== 'CONNECT') return ':protocol';
  if (endsStream && contentLength > 0) return 'content-length without a body';
  const base = { protocol: 'http2', version: '2.0', target: target ?? '', authority } as const;
  if (protocol !== 'websocket' || endsStream) {
    return { head: { ...base, method, raw, fieldsFrom, endsStream }, isWebSocket: false, contentLength };
  }
  return { head: { ...base, ...handshake(raw.slice(fieldsFrom)) }, isWebSocket: true, contentLength: -1 };
}

/** Trailers are fields only (RFC 9113 §8.1). */
export function areTrailers(raw: readonly string[]): boolean {
  return typeof checkFields(raw, 0) === 'number';
}

/**
 * A WebSocket over HTTP/2 is a CONNECT with a protocol (RFC 8441 §4); the backend gets the handshake of RFC 6455 in its place,
 * with a key that only this hop knows.
 */
function handshake(fields: readonly string[]): Pick<RawHead, 'method' | 'raw' | 'fieldsFrom' | 'endsStream'> {
  const raw = [...fields, 'sec-websocket-key', randomBytes(16).toString('base64')];
  return { method: 'GET', raw, fieldsFrom: 0, endsStream: true };
}

/** RFC 9113 §8.2.2, §8.3. Returns the content-length, -1 when there is none or it is no number; a string: what is wrong. */
function checkFields(raw: readonly string[], from: number): number | string {
  let contentLength = -1;
  for (let i = from; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    switch (headerName(name).kind) {
      case 'connection':
      case 'transfer-encoding':
      case 'upgrade':
        return name;
      case 'te':
        if (value.toLowerCase() !== 'trailers') return name;
        break;
      case 'content-length':
        if (contentLength === -1 && LENGTH.test(value)) contentLength = Number(value);
        break;
      case 'hop':
        if (name === 'keep-alive' || name === 'proxy-connection') return name;
        break;
      default:
        if (name.charCodeAt(0) === COLON) return name;
    }
  }
  return contentLength;
}
