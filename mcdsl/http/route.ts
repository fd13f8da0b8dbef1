import { z } from 'zod';

import type {
  BodySpec,
  HttpAnswer,
  HttpAuthorizationMap,
  HttpMethod,
  HttpMount,
  HttpRequest,
  HttpRoute,
  HttpRule,
  Routes,
} from './types.ts';

type None = Readonly<Record<string, never>>;

/** A route with the rule that stands for it in the authorization map. */
export type ServedRoute = { readonly name: string; readonly rule: HttpRule; readonly target: HttpRoute | HttpMount };

export type Api = { readonly routes: readonly ServedRoute[] };

/**
 * Defines a route. Path parameters are `:name`. Schemas are for what the client sends; every object in them must be strict.
 * @throws Error at start when a schema would let unknown fields pass
 */
export function route<P = None, Q = None, B = undefined>(options: {
  readonly method: HttpMethod;
  readonly path: `/${string}`;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: BodySpec<B>;
  readonly page?: boolean;
  answer(request: HttpRequest<P, Q, B>): HttpAnswer | Promise<HttpAnswer>;
}): HttpRoute {
  const { method, path, params = null, query = null, body = null, page = false } = options;
  const where = `${method} ${path}`;
  for (const schema of [params, query, body?.schema ?? null]) if (schema !== null) checkStrict(where, schema);
  return {
    kind: 'route',
    method,
    path,
    page,
    params,
    query,
    body,
    // The schemas above have made exactly these types; past here they are opaque.
    answer: options.answer as (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>,
  };
}

/** @param maxBytes when other than the server's `max_body` */
export function jsonBody<B>(schema: z.ZodType<B>, maxBytes: number | null = null): BodySpec<B> {
  return { kind: 'json', schema, maxBytes };
}

export function formBody<B>(schema: z.ZodType<B>, maxBytes: number | null = null): BodySpec<B> {
  return { kind: 'form', schema, maxBytes };
}

/** The request as a stream, without any limit: the handler bounds it. */
export function streamBody(): BodySpec<NodeJS.ReadableStream> {
  return { kind: 'stream', schema: null, maxBytes: null };
}

export function mount(options: Omit<HttpMount, 'kind'>): HttpMount {
  return { kind: 'mount', ...options };
}

/**
 * Joins routes with the rule of each.
 * @throws Error when a route has no rule, or a rule names no route
 */
export function defineApi<R extends Routes>(parts: {
  readonly routes: R;
  readonly authorization: HttpAuthorizationMap<R>;
}): Api {
  const rules: Readonly<Record<string, HttpRule | undefined>> = parts.authorization;
  for (const name of Object.keys(rules)) {
    if (!Object.hasOwn(parts.routes, name)) throw new Error(`HTTP: the authorization rule ${name} belongs to no route`);
  }
  const routes = Object.entries(parts.routes).map(([name, target]) => {
    const rule = rules[name];
    if (rule === undefined) throw new Error(`HTTP ${labelOf(target)} (${name}) is missing from the authorization map`);
    return { name, rule, target };
  });
  return { routes };
}

export function labelOf(target: HttpRoute | HttpMount): string {
  return target.kind === 'mount' ? `* ${target.prefix}` : `${target.method} ${target.path}`;
}

/** JSON Schema shows each object of a schema in one shape, whatever wraps it. */
function checkStrict(where: string, schema: z.ZodType): void {
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ('properties' in node && (!('additionalProperties' in node) || node.additionalProperties === undefined)) {
      throw new Error(`HTTP ${where}: an object of its schema lets unknown fields pass; use z.strictObject`);
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
}
