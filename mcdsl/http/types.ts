import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

import type { z } from 'zod';

import type { WireBody } from '../errors/index.ts';
import type { LogFields } from '../logging/index.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Made by `json`, `html`, `redirect` and their kin. */
export type HttpAnswer = {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is sent as it comes and destroyed when the client leaves. */
  readonly body: string | Uint8Array | Readable | null;
};

/** What an authorization rule and a handler know of the request. One object for both, so that facts can be kept beside it. */
export type HttpContext = {
  /** `GET /v1/things/:id`, as it is registered. */
  readonly route: string;
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly target: string;
  readonly requestId: string;
  /** Canonical text; behind a trusted proxy what that proxy says. */
  readonly clientAddress: string;
  /** What the client's side speaks: a trusted proxy may have ended TLS. */
  readonly scheme: 'http' | 'https';
  /** Aborts when the client is gone or the server is cut off. */
  readonly signal: AbortSignal;
  /** By lower-case name; null when absent. Given twice, as Node joins it. */
  header(name: string): string | null;
  /** null when absent or given twice. */
  cookie(name: string): string | null;
  /** Adds a Set-Cookie line to the answer, whatever it is. */
  addCookie(line: string): void;
  /** Adds fields to the request's log line. */
  note(fields: LogFields): void;
};

export type HttpRequest<P = unknown, Q = unknown, B = unknown> = HttpContext & {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
};

/**
 * Who may use a route. `public`: anyone who can connect. Otherwise a named check, which runs before the body is read. It throws
 * a SystemError to refuse, or returns what is to be answered instead (a redirect to the login page).
 */
export type HttpRule =
  'public' | { readonly rule: string; authorize(context: HttpContext): HttpAnswer | void | Promise<HttpAnswer | void> };

export type BodySpec<B> =
  | { readonly kind: 'json' | 'form'; readonly schema: z.ZodType<B>; readonly maxBytes: number | null }
  | { readonly kind: 'stream'; readonly schema: null; readonly maxBytes: null };

/** One route with its message types settled; made by `route`. */
export type HttpRoute = {
  readonly kind: 'route';
  readonly method: HttpMethod;
  readonly path: string;
  /** Errors are shown to people: as pages, by the server's `errorPage`. */
  readonly page: boolean;
  readonly params: z.ZodType | null;
  readonly query: z.ZodType | null;
  readonly body: BodySpec<unknown> | null;
  answer(request: HttpRequest): HttpAnswer | Promise<HttpAnswer>;
};

/** Everything below a path, of any method, handed over as Node has it: body unread, nothing written. Routes below it come first. */
export type HttpMount = {
  readonly kind: 'mount';
  /** `/oidc`; the path itself and all below it. */
  readonly prefix: string;
  /** What `context.addCookie` adds is not sent: the answer is the handler's own. */
  handle(request: IncomingMessage, response: ServerResponse, context: HttpContext): void | Promise<void>;
};

export type Routes = Readonly<Record<string, HttpRoute | HttpMount>>;

/** The rule of each route by the route's name; one that is missing is an error at start, and already for the type checker. */
export type HttpAuthorizationMap<R extends Routes> = { readonly [K in keyof R]: HttpRule };

export type ErrorPage = (
  error: WireBody['error'] & { readonly status: number },
  context: Pick<HttpContext, 'requestId'>,
) => HttpAnswer;
