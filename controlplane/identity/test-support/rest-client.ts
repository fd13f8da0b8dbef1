import https from 'node:https';

import type { RunningMcias } from './running-mcias.ts';

export type RestAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** The answer's JSON; {} where there is none. */
  readonly body: Body;
};

/** What a test reads out of an answer. */
export type Body = {
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
  };
} & Readonly<Record<string, unknown>>;

export type RestClient = Disposable & {
  /** @param body an object becomes JSON, text and bytes are sent as they are */
  send(
    method: string,
    path: string,
    body?: object | string,
    token?: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<RestAnswer>;
  post(path: string, body: object | string, token?: string): Promise<RestAnswer>;
  get(path: string, token?: string): Promise<RestAnswer>;
};

/** A client of the REST API over kept connections, which verifies the certificate. */
export function createRestClient({ url }: Pick<RunningMcias, 'url'>, caPem: string, maxSockets = 32): RestClient {
  const agent = new https.Agent({ keepAlive: true, ca: caPem, maxSockets });
  const send: RestClient['send'] = (method, path, body, token, headers = {}) =>
    new Promise((resolve, reject) => {
      const isBytes = typeof body === 'string' || body instanceof Uint8Array;
      const bytes = body === undefined ? null : isBytes ? body : JSON.stringify(body);
      const sent = https.request(`${url}${path}`, {
        agent,
        method,
        headers: {
          ...(bytes === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const isJson = String(response.headers['content-type']).includes('json');
          const parsed = isJson ? (JSON.parse(text) as Body) : {};
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parsed });
        });
      });
      sent.end(bytes ?? undefined);
    });
  return {
    send,
    post: (path, body, token) => send('POST', path, body, token),
    get: (path, token) => send('GET', path, undefined, token),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** `429 account_locked`, or the status alone. */
export function said({ status, body }: RestAnswer): string {
  return body.error === undefined ? String(status) : `${status} ${body.error.code}`;
}

/** @throws Error when the answer has no such text */
export function textOf({ text, body }: RestAnswer, field: string): string {
  const value = body[field];
  if (typeof value === 'string') return value;
  throw new Error(`the answer has no ${field}: ${text.slice(0, 500)}`);
}
