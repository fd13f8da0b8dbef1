import { headerName } from './header-kinds.ts';

/**
 * Header hygiene: pure functions over raw header lists (`[name, value, name, value, …]`, in the order of the wire).
 * RFC 9110 §7.6.1 for the fields of one hop, RFC 9113 §8.2 for what HTTP/2 adds.
 */

/** What the proxy has to know of a request's fields, read in one pass, and the fields that go on. */
export interface RequestFields {
  /** End-to-end fields, without Host, framing, and everything that names the client. */
  readonly forward: string[];
  /** Fields received, cookie crumbs counted one by one. */
  count: number;
  host: string | null;
  hostCount: number;
  contentLength: string | null;
  contentLengthCount: number;
  transferEncoding: string | null;
  transferEncodingCount: number;
  /** All of Connection's values, as a list. */
  connection: string;
  contentType: string;
  userAgent: string;
  upgrade: string;
  expect: string;
  acceptsTrailers: boolean;
  requestId: string;
  /** Values of X-Forwarded-For and the other X-Forwarded-* fields as the client sent them, for routes that append. */
  readonly forwardedFor: string[];
  readonly forwardedOther: string[];
}

/** One request's identity as the next hop shall see it. */
export interface Hop {
  readonly clientIp: string;
  readonly host: string;
  readonly requestId: string;
  /** Keep what the client's own X-Forwarded-* say and add to it; only where a trusted peer stands before us. */
  readonly append: boolean;
}

/** `from`: where the fields start (an HTTP/2 list begins with pseudo-headers, whose names start with a colon). */
export function readRequestFields(raw: readonly string[], from = 0): RequestFields {
  const fields: RequestFields = {
    forward: [],
    count: (raw.length - from) >> 1,
    host: null,
    hostCount: 0,
    contentLength: null,
    contentLengthCount: 0,
    transferEncoding: null,
    transferEncodingCount: 0,
    connection: '',
    contentType: '',
    userAgent: '',
    upgrade: '',
    expect: '',
    acceptsTrailers: false,
    requestId: '',
    forwardedFor: [],
    forwardedOther: [],
  };
  const { forward } = fields;
  let cookieAt = -1;
  for (let i = from; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const { kind } = headerName(name);
    switch (kind) {
      case 'pass':
        forward.push(name, value);
        break;
      case 'hop':
        break;
      case 'connection':
        fields.connection = fields.connection === '' ? value : `${fields.connection},${value}`;
        break;
      case 'host':
        fields.host ??= value;
        fields.hostCount++;
        break;
      case 'content-length':
        fields.contentLength ??= value;
        fields.contentLengthCount++;
        break;
      case 'transfer-encoding':
        fields.transferEncoding ??= value;
        fields.transferEncodingCount++;
        break;
      case 'content-type':
        fields.contentType ||= value;
        forward.push(name, value);
        break;
      case 'user-agent':
        // Sent twice, both count: a blocked agent must not hide behind another one.
        fields.userAgent = fields.userAgent === '' ? value : `${fields.userAgent}, ${value}`;
        forward.push(name, value);
        break;
      case 'te':
        fields.acceptsTrailers ||= listsToken(value, 'trailers');
        break;
      case 'expect':
        fields.expect = value;
        break;
      case 'upgrade':
        fields.upgrade = value;
        break;
      case 'cookie':
        // HTTP/2 clients split cookies into crumbs; everybody else expects one field (RFC 9113 §8.2.3).
        if (cookieAt === -1) cookieAt = forward.push(name, value) - 1;
        else forward[cookieAt] = `${forward[cookieAt] ?? ''}; ${value}`;
        break;
      case 'request-id':
        fields.requestId ||= value;
        break;
      case 'forwarded-for':
        fields.forwardedFor.push(value);
        break;
      case 'forwarded':
        if (!name.includes('_')) fields.forwardedOther.push(name, value);
        break;
      default:
        return kind satisfies never;
    }
  }
  if (fields.connection !== '') dropNamed(forward, fields.connection);
  return fields;
}

/** Appends what this proxy says of the client: last, after every field of the client's that could say otherwise is gone. */
export function addHopHeaders(fields: RequestFields, hop: Hop): void {
  const { forward } = fields;
  const chain = hop.append && fields.forwardedFor.length > 0 ? `${fields.forwardedFor.join(', ')}, ` : '';
  const proto = hop.append ? namedValue(fields.forwardedOther, 'x-forwarded-proto') : null;
  const host = hop.append ? namedValue(fields.forwardedOther, 'x-forwarded-host') : null;
  forward.push('X-Forwarded-For', chain + hop.clientIp);
  forward.push('X-Real-IP', hop.clientIp);
  forward.push('X-Forwarded-Proto', proto ?? 'https');
  forward.push('X-Forwarded-Host', host ?? hop.host);
  forward.push('X-Request-Id', hop.requestId);
}

/** A response's end-to-end fields, names in lower case. `from` as above. */
export function readResponseFields(raw: readonly string[], from = 0): string[] {
  const fields: string[] = [];
  let connection = '';
  for (let i = from; i + 1 < raw.length; i += 2) {
    const value = raw[i + 1] ?? '';
    const { kind, lower } = headerName(raw[i] ?? '');
    if (kind === 'connection') connection = connection === '' ? value : `${connection},${value}`;
    else if (!isHop(kind)) fields.push(lower, value);
  }
  if (connection !== '') dropNamed(fields, connection);
  return fields;
}

/**
 * Trailers that may go on: no framing, routing, credentials or response control (RFC 9110 §6.5.1), and nothing that names
 * the client. Null when none is left.
 */
export function readTrailers(raw: readonly string[]): string[] | null {
  const fields: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const { kind, lower } = headerName(name);
    if (kind === 'pass' && !name.startsWith(':') && !NEVER_TRAILERS.has(lower)) fields.push(lower, raw[i + 1] ?? '');
  }
  return fields.length === 0 ? null : fields;
}

/** `name` in any case. */
export function hasField(raw: readonly string[], name: string): boolean {
  const lower = name.toLowerCase();
  for (let i = 0; i < raw.length; i += 2) {
    if (headerName(raw[i] ?? '').lower === lower) return true;
  }
  return false;
}

const NEVER_TRAILERS: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'date',
  'expires',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'retry-after',
  'set-cookie',
  'vary',
  'warning',
  'www-authenticate',
]);

export function isHop(kind: string): boolean {
  return kind === 'hop' || kind === 'connection' || kind === 'transfer-encoding' || kind === 'te' || kind === 'upgrade';
}

/** Drops the fields that Connection names. Ours are added later, so nobody can name them away. */
export function dropNamed(fields: string[], connection: string): void {
  const lower = connection.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close' || lower === 'upgrade') return;
  const named = new Set(lower.split(',').map((token) => token.trim()));
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (named.has(headerName(name).lower)) continue;
    fields[kept++] = name;
    fields[kept++] = fields[i + 1] ?? '';
  }
  fields.length = kept;
}

function listsToken(value: string, token: string): boolean {
  return value.split(',').some((part) => part.split(';', 1)[0]?.trim().toLowerCase() === token);
}

function namedValue(fields: readonly string[], lowerName: string): string | null {
  for (let i = 0; i < fields.length; i += 2) {
    if (headerName(fields[i] ?? '').lower === lowerName) return fields[i + 1] ?? null;
  }
  return null;
}

/** A raw list as the object that node:http2 wants where it takes no list: for trailers. */
export function headerObject(fields: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = Object.create(null);
  for (let i = 0; i < fields.length; i += 2) (headers[fields[i] ?? ''] ??= []).push(fields[i + 1] ?? '');
  return headers;
}
