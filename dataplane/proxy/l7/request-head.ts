import { parseAuthority, type Authority } from '../../net/hostname.ts';
import type { ProxySettings } from '../model.ts';
import { readRequestFields, type RequestFields } from './headers.ts';
import { refusal, type RequestRefusal } from './refusal.ts';

/** A request head as a front received it. */
export interface RawHead {
  readonly protocol: 'http1' | 'http2';
  /** As received: `1.0`, `1.1`, `2.0`, or what a client made up. HTTP/1.0 has neither chunked bodies nor 1xx responses. */
  readonly version: string;
  readonly method: string;
  /** The request target of HTTP/1, or :path. */
  readonly target: string;
  /** :authority; null over HTTP/1. */
  readonly authority: string | null;
  /** Field names and values; over HTTP/2 they start at `fieldsFrom`, after the pseudo-headers. */
  readonly raw: readonly string[];
  readonly fieldsFrom: number;
  /** Over HTTP/2: whether the head ends the stream. HTTP/1 says so by framing fields. */
  readonly endsStream: boolean;
}

/** A request head that means one thing only. */
export interface RequestHead {
  readonly method: string;
  /** Origin-form. */
  readonly path: string;
  /** As the client wrote it, port included. */
  readonly authority: string;
  readonly host: Authority;
  readonly fields: RequestFields;
  readonly hasBody: boolean;
  readonly contentLength: number | null;
}

export type NormalHead =
  | { readonly kind: 'head'; readonly head: RequestHead }
  | { readonly kind: 'refused'; readonly refusal: RequestRefusal };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/;
/** Visible characters and obs-text without `#`: a fragment is never sent, and backends disagree on one that is. */
const PATH = /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;

/**
 * Makes a head unambiguous or refuses it (RFC 9112 §3, §6; RFC 9113 §8.3): one host, one framing, a target in origin-form.
 * What the parsers below already refuse is checked again where a mistake would smuggle.
 */
export function normaliseHead(raw: RawHead, settings: ProxySettings): NormalHead {
  const fields = readRequestFields(raw.raw, raw.fieldsFrom);
  if (fields.count > settings.maxHeaderCount) return refused('limit_header_count', `${fields.count} fields`);
  if (sizeOf(raw) > settings.maxHeaderBytes) return refused('limit_header_bytes', '');
  if (raw.protocol === 'http1' && raw.version !== '1.1' && raw.version !== '1.0') return invalid('HTTP version');
  if (!TOKEN.test(raw.method)) return invalid('method');
  if (raw.method === 'CONNECT') return invalid('CONNECT');

  const target = splitTarget(raw);
  if (!target || !PATH.test(target.path)) return invalid('request target');
  if (fields.hostCount > 1) return invalid('more than one Host');
  const authority = raw.authority ?? fields.host;
  if (authority === null || authority === '') return invalid('no Host');
  const host = parseAuthority(authority);
  if (!host) return invalid('Host');
  if (raw.authority !== null && fields.host !== null && !sameHost(host, fields.host)) {
    return invalid('Host and :authority differ');
  }
  if (target.authority !== null && !sameHost(host, target.authority)) return invalid('Host and request target differ');

  const framing = readFraming(raw, fields);
  if (framing.kind === 'invalid') return invalid(framing.detail);
  const { hasBody, contentLength } = framing;
  if (settings.maxBodyBytes > 0 && contentLength !== null && contentLength > settings.maxBodyBytes) {
    return refused('limit_body', `content-length ${contentLength}`);
  }
  return {
    kind: 'head',
    head: { method: raw.method, path: target.path, authority, host, fields, hasBody, contentLength },
  };
}

type Framing =
  | { readonly kind: 'framing'; readonly hasBody: boolean; readonly contentLength: number | null }
  | { readonly kind: 'invalid'; readonly detail: string };

function readFraming(raw: RawHead, fields: RequestFields): Framing {
  const { contentLength: text, transferEncoding } = fields;
  if (fields.contentLengthCount > 1) return { kind: 'invalid', detail: 'more than one Content-Length' };
  if (text !== null && !/^\d{1,15}$/.test(text)) return { kind: 'invalid', detail: 'Content-Length' };
  const contentLength = text === null ? null : Number(text);
  if (raw.protocol === 'http2') {
    if (transferEncoding !== null) return { kind: 'invalid', detail: 'Transfer-Encoding over HTTP/2' };
    return { kind: 'framing', hasBody: !raw.endsStream, contentLength: raw.endsStream ? null : contentLength };
  }
  if (transferEncoding === null) {
    const hasBody = contentLength !== null && contentLength > 0;
    return { kind: 'framing', hasBody, contentLength: hasBody ? contentLength : null };
  }
  if (text !== null) return { kind: 'invalid', detail: 'Content-Length and Transfer-Encoding' };
  if (raw.version === '1.0') return { kind: 'invalid', detail: 'Transfer-Encoding in HTTP/1.0' };
  if (fields.transferEncodingCount > 1 || transferEncoding.toLowerCase() !== 'chunked') {
    return { kind: 'invalid', detail: 'Transfer-Encoding' };
  }
  return { kind: 'framing', hasBody: true, contentLength: null };
}

function splitTarget(raw: RawHead): { readonly path: string; readonly authority: string | null } | null {
  if (raw.target.startsWith('/')) return { path: raw.target, authority: null };
  if (raw.protocol === 'http2') return null;
  const match = ABSOLUTE.exec(raw.target);
  if (!match) return null;
  const rest = match[2] ?? '';
  return { path: rest.startsWith('/') ? rest : `/${rest}`, authority: match[1] ?? '' };
}

function sameHost(host: Authority, text: string): boolean {
  const other = parseAuthority(text);
  if (!other || other.kind !== host.kind) return false;
  if (host.kind === 'hostname') return other.kind === 'hostname' && other.hostname === host.hostname;
  return other.kind === 'ip' && other.ip.words.every((word, i) => word === host.ip.words[i]);
}

/** As HTTP/2 counts it (RFC 9113 §6.5.2), for both protocols. */
function sizeOf(head: RawHead): number {
  let size = head.target.length;
  for (const text of head.raw) size += text.length;
  return size;
}

function refused(reason: RequestRefusal['reason'], detail: string): NormalHead {
  return { kind: 'refused', refusal: refusal(reason, detail) };
}

function invalid(detail: string): NormalHead {
  return refused('request_invalid', detail);
}
