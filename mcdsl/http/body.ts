import type { IncomingMessage } from 'node:http';

import { httpErrors } from './errors.ts';
import { decode, parseStrictJson } from './strict-json.ts';
import type { BodySpec, HttpContext } from './types.ts';

export type BodyLimits = {
  readonly maxBytes: number;
  /** From the first look to the last byte. */
  readonly timeoutMs: number;
};

/** Reads and parses the body that a route expects. Nothing above the limit is read. @throws SystemError */
export async function readBody(
  raw: IncomingMessage,
  spec: BodySpec<unknown> | null,
  limits: BodyLimits,
  context: Pick<HttpContext, 'signal'>,
): Promise<unknown> {
  if (spec === null) {
    if (hasBody(raw))
      throw httpErrors.error('invalid_argument', 'this route takes no body', { reason: 'body_unexpected' });
    return undefined;
  }
  if (spec.kind === 'stream') return raw;
  const expected = spec.kind === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
  checkContentType(raw, expected);
  const bytes = await readBytes(raw, { ...limits, maxBytes: spec.maxBytes ?? limits.maxBytes }, context);
  return spec.kind === 'json' ? parseStrictJson(bytes) : parseFields(decode(bytes), 'body');
}

export function hasBody(raw: IncomingMessage): boolean {
  const length = raw.headers['content-length'];
  if (raw.httpVersionMajor >= 2) return !(length === '0' || ('stream' in raw && endedWithHead(raw.stream)));
  return raw.headers['transfer-encoding'] !== undefined || (length ?? '0') !== '0';
}

/** HTTP/2 says with the head whether a body follows. */
function endedWithHead(stream: unknown): boolean {
  return (
    typeof stream === 'object' && stream !== null && 'endAfterHeaders' in stream && stream.endAfterHeaders === true
  );
}

function checkContentType(raw: IncomingMessage, expected: string): void {
  const given = raw.headers['content-type'] ?? '';
  const [type = '', ...parameters] = given.split(';').map((part) => part.trim().toLowerCase());
  const charsetOk = parameters.every((parameter) => parameter === '' || /^charset="?utf-8"?$/.test(parameter));
  if (type === expected && charsetOk && raw.headers['content-encoding'] === undefined) return;
  throw httpErrors.error('unsupported_media_type', `the body must be ${expected}, in UTF-8 and not compressed`, {
    reason: 'media_type',
  });
}

/** Whether some of the body is not read yet, be it here or still on its way. */
export function isUnread(raw: IncomingMessage): boolean {
  return hasBody(raw) && !raw.readableEnded && !(isHere(raw) && raw.readableLength === 0);
}

/** HTTP/1.1's parser has seen the end of the body. */
function isHere(raw: IncomingMessage): boolean {
  return raw.httpVersionMajor < 2 && raw.complete && !raw.destroyed;
}

async function readBytes(
  raw: IncomingMessage,
  limits: BodyLimits,
  context: Pick<HttpContext, 'signal'>,
): Promise<Buffer> {
  const { maxBytes, timeoutMs } = limits;
  const tooLarge = () =>
    httpErrors.error('too_large', `the body is larger than ${maxBytes} bytes`, {
      reason: 'too_large',
      max_bytes: maxBytes,
    });
  const declared = Number(raw.headers['content-length'] ?? 0);
  if (declared > maxBytes) throw tooLarge();
  // A small body mostly comes in the packet of its head, and is here once Node's parser has returned: no timer, no listeners.
  await undefined;
  if (isHere(raw)) {
    const whole = (raw.read() as Buffer | null) ?? Buffer.alloc(0);
    if (whole.length > maxBytes) throw tooLarge();
    return whole;
  }
  const { signal } = context;
  const chunks: Buffer[] = [];
  let size = 0;
  const done = Promise.withResolvers<void>();
  const fail = (error: unknown): void => done.reject(error);
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > maxBytes) fail(tooLarge());
    else chunks.push(chunk);
  };
  const onAbort = (): void => fail(signal.reason);
  const timer = setTimeout(
    () =>
      fail(
        httpErrors.error('request_timeout', `the body did not arrive within ${timeoutMs} ms`, { reason: 'slow_body' }),
      ),
    timeoutMs,
  );
  raw.on('data', onData);
  raw.once('end', done.resolve);
  raw.once('error', fail);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await done.promise;
  } finally {
    clearTimeout(timer);
    raw.off('data', onData);
    raw.off('end', done.resolve);
    signal.removeEventListener('abort', onAbort);
    // Whatever still comes stays in the kernel until the connection is closed.
    raw.pause();
  }
  return Buffer.concat(chunks, size);
}

/**
 * Fields of a query or form. A name given once is a string, several times a list, so that a schema that wants one refuses the
 * other. @throws SystemError invalid_argument for bad percent-encoding
 */
export function parseFields(text: string, where: 'query' | 'body'): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  if (text === '') return fields;
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=');
    const name = unescape(equals === -1 ? pair : pair.slice(0, equals), where);
    const value = equals === -1 ? '' : unescape(pair.slice(equals + 1), where);
    const before = fields[name];
    if (before === undefined) fields[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else fields[name] = [before, value];
  }
  return fields;
}

function unescape(text: string, where: 'query' | 'body'): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw httpErrors.error('invalid_argument', `the ${where} is not percent-encoded UTF-8`, { reason: 'bad_encoding' });
  }
}
