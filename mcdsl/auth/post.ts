import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

import type { MciasConfig } from './config.ts';

export type PostAnswer = { readonly status: number; readonly bytes: Buffer };

/** POST of JSON to one origin over kept connections. */
export type Poster = Disposable & {
  /** @param safe whether the request may be sent twice. @throws the error of the connection, or TimeoutError */
  post(path: string, body: string, headers: Readonly<Record<string, string>>, safe: boolean): Promise<PostAnswer>;
};

const maxSockets = 16;
const maxAnswerBytes = 256 * 1024;

/** @throws Error when `ca_cert` cannot be read */
export function createPoster(config: MciasConfig): Poster {
  const { server_url: origin, server_name: serverName, ca_cert: caPath, timeout: timeoutMs } = config;
  const isPlain = origin.startsWith('http:');
  const agent = isPlain
    ? new http.Agent({ keepAlive: true, maxSockets })
    : new https.Agent({
        keepAlive: true,
        maxSockets,
        minVersion: 'TLSv1.3',
        ...(caPath === '' ? {} : { ca: readFileSync(caPath) }),
        ...(serverName === '' ? {} : { servername: serverName }),
      });
  const request = isPlain ? http.request : https.request;

  const once = (path: string, body: string, headers: Readonly<Record<string, string>>, safe: boolean) => {
    const answer = Promise.withResolvers<PostAnswer | 'again'>();
    const signal = AbortSignal.timeout(timeoutMs);
    const length = String(Buffer.byteLength(body));
    const sent = request(`${origin}${path}`, {
      agent,
      method: 'POST',
      signal,
      headers: { ...headers, 'content-length': length },
    });
    const fail = (error: Error): void => {
      // The server closed a kept connection just as we used it.
      const isStale = sent.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
      if (isStale && safe) answer.resolve('again');
      else answer.reject(signal.aborted ? signal.reason : error);
    };
    sent.on('error', fail);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('error', fail);
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxAnswerBytes) response.destroy(new Error(`the answer has more than ${maxAnswerBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () =>
        answer.resolve({ status: response.statusCode ?? 0, bytes: Buffer.concat(chunks, size) }),
      );
    });
    sent.end(body);
    return answer.promise;
  };
  return {
    async post(path, body, headers, safe) {
      for (;;) {
        const answer = await once(path, body, headers, safe);
        if (answer !== 'again') return answer;
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}
