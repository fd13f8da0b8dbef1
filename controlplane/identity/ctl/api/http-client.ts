import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

import { defineErrors, errnoOf, messageOf, SystemError } from '../../../../mcdsl/errors/index.ts';
import type { ErrorDetails } from '../../../../mcdsl/errors/index.ts';
import { parseStrictJson } from '../../../../mcdsl/http/index.ts';
import type { Target } from './api.ts';

/** Of requests that got no answer of mcias; what mcias refuses with keeps its own code. */
const httpErrors = defineErrors('http_client', {});

export type HttpRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  /** Undefined: none. */
  readonly body?: unknown;
  readonly token: string | null;
  readonly signal: AbortSignal | undefined;
};

export type HttpClient = Disposable & {
  /** The JSON of the answer, null where it has none. @throws SystemError */
  send(request: HttpRequest): Promise<unknown>;
};

const timeoutMs = 30_000;
const maxAnswerBytes = 32 * 1024 * 1024;

/** @throws Error when the file of the CA cannot be read */
export function createHttpClient({ server, caCert, serverName }: Target): HttpClient {
  const isPlain = server.startsWith('http:');
  const agent = isPlain
    ? new http.Agent({ keepAlive: true })
    : new https.Agent({
        keepAlive: true,
        minVersion: 'TLSv1.3',
        ...(caCert === '' ? {} : { ca: readFileSync(caCert) }),
        ...(serverName === '' ? {} : { servername: serverName }),
      });
  return {
    async send(request) {
      const { method, path, body, token } = request;
      const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
      const headers = {
        ...(bytes === null ? {} : { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        'user-agent': 'mciasctl',
      };
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
      const options = { agent, method, headers, signal };
      let answer: Answer;
      try {
        answer = await exchange(isPlain ? http : https, `${server}${path}`, options, bytes);
      } catch (cause) {
        if (request.signal?.aborted === true) throw httpErrors.error('cancelled', 'interrupted', {}, { cause });
        if (timeout.aborted)
          throw httpErrors.error('deadline_exceeded', `${server} did not answer in time`, {}, { cause });
        throw httpErrors.error('unavailable', `${server} cannot be reached: ${whatFailed(cause)}`, {}, { cause });
      }
      const json = answer.bytes.length === 0 ? null : parsed(answer.bytes);
      if (answer.status < 300 && json !== undefined) return json;
      throw refusalOf(answer.status, json) ?? notMcias(server, answer.status);
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

type Answer = { readonly status: number; readonly bytes: Buffer };

async function exchange(
  { request }: Pick<typeof https, 'request'> | Pick<typeof http, 'request'>,
  url: string,
  options: https.RequestOptions,
  body: Buffer | null,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(url, options);
  sent.on('error', reject);
  sent.on('response', (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('error', reject);
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxAnswerBytes) response.destroy(new Error(`the answer has more than ${maxAnswerBytes} bytes`));
      else chunks.push(chunk);
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes: Buffer.concat(chunks) }));
  });
  sent.end(body ?? undefined);
  return promise;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes);
  } catch {
    return undefined;
  }
}

/** Node's "connect ECONNREFUSED" of several addresses is an AggregateError without a message. */
function whatFailed(cause: unknown): string {
  const message = messageOf(cause);
  return message === '' ? errnoOf(cause) : message;
}

function refusalOf(status: number, json: unknown): SystemError | null {
  if (typeof json !== 'object' || json === null || !('error' in json)) return null;
  const { code, message, details } = json.error as { code?: unknown; message?: unknown; details?: unknown };
  if (typeof code !== 'string' || typeof message !== 'string') return null;
  const isDetails = typeof details === 'object' && details !== null && !Array.isArray(details);
  return new SystemError({
    system: 'mcias',
    code,
    http: status,
    grpc: 'UNKNOWN',
    retry: status === 429 || status === 503,
    message,
    details: isDetails ? (details as ErrorDetails) : {},
  });
}

function notMcias(server: string, status: number): SystemError {
  return httpErrors.error(
    'unavailable',
    `${server} answered ${status}, and not as mcias does; is it the right address?`,
  );
}
