import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { toWire } from '../errors/index.ts';
import type { ReportInternal } from '../errors/index.ts';
import { json } from './answers.ts';
import { isUnread } from './body.ts';
import type { ErrorPage, HttpAnswer, HttpContext } from './types.ts';

export type SendOptions = {
  readonly cookies: readonly string[];
  readonly requestId: string;
  readonly hsts: boolean;
  /** The connection ends with this answer: the server drains. */
  readonly isLast: boolean;
};

/** For answers that are no page: what a browser shows of them can load and run nothing. */
const inertPolicy = "default-src 'none'; frame-ancestors 'none'";
/** How much of a body that nobody wants is dropped so that its client, still writing, comes to read the answer. */
const lingerBytes = 65_536;
const oneYearSeconds = 31_536_000;
/** RFC 6797. */
export const hstsHeader = ['strict-transport-security', `max-age=${oneYearSeconds}`] as const;

/** Sends an answer. Resolves when it has left, or its client has. */
export async function send(
  raw: IncomingMessage,
  response: ServerResponse,
  answer: HttpAnswer,
  options: SendOptions,
): Promise<void> {
  const headers: Record<string, string | string[]> = {
    'x-request-id': options.requestId,
    'x-content-type-options': 'nosniff',
    'content-security-policy': inertPolicy,
    ...(options.hsts ? Object.fromEntries([hstsHeader]) : {}),
    ...answer.headers,
    ...(options.cookies.length === 0 ? {} : { 'set-cookie': [...options.cookies] }),
  };
  // A body that nobody reads would be taken for the next request; HTTP/2 has no such thing as this header.
  const hasRest = isUnread(raw);
  if (raw.httpVersionMajor < 2 && (hasRest || options.isLast)) headers['connection'] = 'close';
  if (hasRest) dropRest(raw, response);
  const { body } = answer;
  if (!(body instanceof Readable)) {
    const length = body === null ? 0 : Buffer.byteLength(body);
    if (answer.status !== 204 && answer.status !== 304) headers['content-length'] = String(length);
    response.writeHead(answer.status, headers);
    // Text leaves together with the head, as one write.
    response.end(raw.method === 'HEAD' || body === null ? undefined : body);
    return;
  }
  response.writeHead(answer.status, headers);
  if (raw.method !== 'HEAD') return pipeline(body, response);
  body.destroy();
  response.end();
}

function dropRest(raw: IncomingMessage, response: ServerResponse): void {
  let left = lingerBytes;
  raw.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left >= 0) return;
    raw.pause();
    if (response.writableFinished) raw.destroy();
    else response.once('finish', () => raw.destroy());
  });
  raw.resume();
}

/** Maps whatever was thrown, once. */
export function answerOfError(
  error: unknown,
  context: Pick<HttpContext, 'requestId'>,
  report: ReportInternal,
  page: ErrorPage | null,
): { readonly answer: HttpAnswer; readonly reason: string } {
  const wire = toWire(error, report);
  const { code, details } = wire.body.error;
  const allow = details['allow'];
  const headers: Record<string, string> = {
    ...(wire.retryAfterSeconds === null ? {} : { 'retry-after': String(wire.retryAfterSeconds) }),
    ...(wire.http === 401 && page === null ? { 'www-authenticate': 'Bearer' } : {}),
    ...(typeof allow === 'string' ? { allow } : {}),
  };
  const shown = page?.({ ...wire.body.error, status: wire.http }, context) ?? json(wire.http, wire.body);
  const reason = details['reason'];
  return {
    answer: { ...shown, headers: { ...shown.headers, ...headers } },
    reason: typeof reason === 'string' ? reason : code,
  };
}
