import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { LogFields } from '../logging/index.ts';
import { canonicalAddress, clientOf } from './client-address.ts';
import type { TrustedProxies } from './client-address.ts';
import { readCookie } from './cookies.ts';
import { httpErrors } from './errors.ts';
import type { HttpContext } from './types.ts';

/** One request as the edge holds it: what handlers see, and what they leave for the answer and the log. */
export type OpenRequest = Disposable & {
  readonly context: HttpContext;
  readonly path: string;
  readonly query: string;
  readonly cookies: readonly string[];
  readonly notes: LogFields;
  abort(reason: unknown): void;
};

/** @param route as registered */
export function openRequest(
  route: string,
  raw: IncomingMessage,
  response: ServerResponse,
  trusted: TrustedProxies,
): OpenRequest {
  const { headers } = raw;
  const target = raw.url ?? '/';
  const mark = target.indexOf('?');
  const encrypted = 'encrypted' in raw.socket && raw.socket.encrypted === true;
  const client = clientOf(raw.socket.remoteAddress ?? '', encrypted, headers, trusted);
  // Most requests end before anybody wants to know whether they were cut off.
  let controller: AbortController | null = null;
  let cutOff: { readonly reason: unknown } | null = null;
  const abort = (reason: unknown): void => {
    cutOff ??= { reason };
    controller?.abort(reason);
  };
  const cookies: string[] = [];
  const notes: Record<string, unknown> = {};
  const onClose = (): void => {
    if (!response.writableFinished) abort(httpErrors.error('cancelled', 'the client is gone'));
  };
  response.once('close', onClose);
  return {
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? '' : target.slice(mark + 1),
    cookies,
    notes,
    abort,
    context: {
      route,
      method: raw.method ?? '',
      target,
      requestId: requestId(client.isForwarded ? headers['x-request-id'] : undefined),
      clientAddress: client.address,
      scheme: client.scheme,
      get signal() {
        if (controller === null) {
          controller = new AbortController();
          if (cutOff !== null) controller.abort(cutOff.reason);
        }
        return controller.signal;
      },
      header: (name) => oneText(headers[name]),
      cookie: (name) => readCookie(headers.cookie, name),
      addCookie: (line) => void cookies.push(line),
      note: (fields) => void Object.assign(notes, fields),
    },
    [Symbol.dispose]() {
      response.off('close', onClose);
    },
  };
}

export function peerOf(raw: IncomingMessage): string {
  return canonicalAddress(raw.socket.remoteAddress ?? '');
}

/** The id that a trusted proxy has given, so that its log and ours meet; else a new one. */
function requestId(given: string | readonly string[] | undefined): string {
  return typeof given === 'string' && /^[A-Za-z0-9._-]{8,64}$/.test(given) ? given : randomUUID();
}

function oneText(value: string | readonly string[] | undefined): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' ? value : value.join(', ');
}
