import { readFieldLines, TEXT_CHARACTERS } from '../../http1/field-lines.ts';
import { headerName } from '../../header-kinds.ts';
import { dropNamed, isHop } from '../../headers.ts';

/** How long the body of a response is (RFC 9112 §6.3). */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly sizeBytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

export interface ResponseHead {
  readonly status: number;
  /** End-to-end fields, names in lower case. */
  readonly fields: string[];
  readonly framing: BodyFraming;
  /** Neither version, Connection nor framing speak against another request on the connection. */
  readonly isPersistent: boolean;
  /** From Keep-Alive: how long the backend keeps the connection idle; null when it doesn't say. */
  readonly keepAliveMs: number | null;
  /** The protocol it switches to, in lower case, or empty. */
  readonly upgrade: string;
}

const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const DIGIT_0 = 0x30;
const PREFIX = 'HTTP/1.';
const STATUS_AT = PREFIX.length + 2;
const NO_BODY: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };
const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };

/** True as long as it can still become the head of a response. */
export function maybeResponse(beginning: string): boolean {
  return beginning.startsWith(PREFIX.slice(0, beginning.length));
}

/**
 * Reads a head (`text`: its lines with their CRLF, without the empty one) as the answer to a request with `method`. Returns what is
 * wrong with it as a string: whatever two recipients might understand differently is wrong.
 */
export function readResponseHead(text: string, method: string): ResponseHead | string {
  const minor = text.charCodeAt(PREFIX.length) - DIGIT_0;
  if (!text.startsWith(PREFIX) || (minor !== 0 && minor !== 1) || text.charCodeAt(STATUS_AT - 1) !== SPACE) {
    return 'status line';
  }
  const status = statusOf(text);
  if (status < 100 || status > 599) return 'status';
  const lineEnd = endOfStatusLine(text);
  if (lineEnd === -1) return 'status line';
  return readFields(text, lineEnd + 2, status, minor === 1, method);
}

function statusOf(text: string): number {
  let status = 0;
  for (let i = STATUS_AT; i < STATUS_AT + 3; i++) {
    const digit = text.charCodeAt(i) - DIGIT_0;
    if (!(digit >= 0 && digit <= 9)) return -1;
    status = status * 10 + digit;
  }
  return status;
}

/** The reason phrase means nothing; some servers leave it out, and its space too. */
function endOfStatusLine(text: string): number {
  let at = STATUS_AT + 3;
  if (text.charCodeAt(at) !== CR && text.charCodeAt(at) !== SPACE) return -1;
  while (TEXT_CHARACTERS[text.charCodeAt(at)] === 1) at++;
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF ? at : -1;
}

/** Read and done with within one call: one list serves all. */
const raw: string[] = [];

function readFields(
  text: string,
  from: number,
  status: number,
  isHttp11: boolean,
  method: string,
): ResponseHead | string {
  raw.length = 0;
  const fault = readFieldLines(text, from, text.length, raw);
  if (fault) return fault;
  const fields: string[] = [];
  let connection = '';
  let contentLength: string | null = null;
  let transferEncoding: string | null = null;
  let keepAlive = '';
  let upgrade = '';
  for (let i = 0; i < raw.length; i += 2) {
    const value = raw[i + 1] ?? '';
    const { kind, lower } = headerName(raw[i] ?? '');
    if (kind === 'content-length') {
      if (contentLength !== null) return 'more than one Content-Length';
      contentLength = value;
      fields.push(lower, value);
    } else if (kind === 'transfer-encoding') {
      if (transferEncoding !== null) return 'more than one Transfer-Encoding';
      transferEncoding = value;
    } else if (kind === 'connection') connection = connection === '' ? value : `${connection},${value}`;
    else if (kind === 'upgrade') upgrade = value.toLowerCase();
    else if (!isHop(kind)) fields.push(lower, value);
    else if (lower === 'keep-alive') keepAlive = value;
  }
  if (contentLength !== null && !/^\d{1,15}$/.test(contentLength)) return 'Content-Length';
  if (transferEncoding !== null) {
    if (contentLength !== null) return 'Content-Length and Transfer-Encoding';
    if (!isHttp11) return 'Transfer-Encoding in HTTP/1.0';
    if (transferEncoding.toLowerCase() !== 'chunked') return 'Transfer-Encoding';
  }
  if (status < 200 && (contentLength !== null || transferEncoding !== null)) return 'a body of a 1xx response';
  const framing = framingOf(status, method, contentLength, transferEncoding);
  if (connection !== '') dropNamed(fields, connection);
  return {
    status,
    fields,
    framing,
    isPersistent:
      isPersistent(isHttp11, connection) &&
      framing.kind !== 'until-close' &&
      // What a 204 announces must not come; a backend that announces it may send it all the same.
      !(status === 204 && (transferEncoding !== null || Number(contentLength ?? 0) > 0)),
    keepAliveMs: keepAlive === '' ? null : keepAliveMsOf(keepAlive),
    upgrade,
  };
}

function framingOf(
  status: number,
  method: string,
  contentLength: string | null,
  transferEncoding: string | null,
): BodyFraming {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return NO_BODY;
  if (transferEncoding !== null) return CHUNKED;
  if (contentLength === null) return UNTIL_CLOSE;
  const sizeBytes = Number(contentLength);
  return sizeBytes === 0 ? NO_BODY : { kind: 'length', sizeBytes };
}

function isPersistent(isHttp11: boolean, connection: string): boolean {
  if (connection === '') return isHttp11;
  const tokens = connection
    .toLowerCase()
    .split(',')
    .map((token) => token.trim());
  return isHttp11 ? !tokens.includes('close') : tokens.includes('keep-alive') && !tokens.includes('close');
}

function keepAliveMsOf(value: string): number | null {
  const seconds = /(?:^|[,;\s])timeout=(\d{1,9})/i.exec(value)?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}
