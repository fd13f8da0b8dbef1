import { defineErrors } from '../errors/index.ts';
import { deleteCookie, hostCookie } from '../http/index.ts';
import type { HttpContext } from '../http/index.ts';

const sessionErrors = defineErrors('sessions', {
  session_too_large: { http: 500, grpc: 'INTERNAL', retry: false },
});

/** The cookie that holds the token of a person who is logged into a service. There is no session store: the token is the session. */
export type SessionCookie = {
  readonly name: string;
  /** null when absent, given twice, or nothing that we have set. */
  read(context: Pick<HttpContext, 'cookie'>): string | null;
  /** @throws session_too_large above 3500 bytes: browsers would drop the cookie without a word */
  write(context: Pick<HttpContext, 'addCookie'>, token: string, expiresAtMs: number, nowMs?: number): void;
  clear(context: Pick<HttpContext, 'addCookie'>): void;
};

/** Tokens of mcias have about 620 bytes; browsers keep 4096 with name and attributes. */
const maxTokenBytes = 3500;

/** @param service part of the name, because cookies ignore ports: two services on one host must not overwrite each other */
export function createSessionCookie(service: string): SessionCookie {
  const name = `__Host-${service}-session`;
  return {
    name,
    read(context) {
      const token = context.cookie(name);
      return token === null || token === '' || token.length > maxTokenBytes ? null : token;
    },
    write(context, token, expiresAtMs, nowMs = Date.now()) {
      if (token.length > maxTokenBytes) {
        throw sessionErrors.error(
          'session_too_large',
          `a token of ${token.length} bytes does not fit into a cookie (at most ${maxTokenBytes}): shorten its audience`,
        );
      }
      context.addCookie(hostCookie(name, token, (expiresAtMs - nowMs) / 1000));
    },
    clear: (context) => context.addCookie(deleteCookie(name)),
  };
}
