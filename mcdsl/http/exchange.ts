import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Logger } from '../logging/index.ts';
import { parseFields, readBody } from './body.ts';
import type { BodyLimits } from './body.ts';
import type { TrustedProxies } from './client-address.ts';
import { openRequest } from './context.ts';
import type { OpenRequest } from './context.ts';
import { httpErrors } from './errors.ts';
import { checkInput } from './input.ts';
import type { Observer } from './observe.ts';
import { labelOf } from './route.ts';
import type { ServedRoute } from './route.ts';
import { answerOfError, hstsHeader, send } from './send.ts';
import type { ErrorPage, HttpAnswer, HttpContext, HttpRoute } from './types.ts';

export type ExchangeDeps = {
  readonly logger: Logger;
  readonly observer: Observer;
  readonly trusted: TrustedProxies;
  readonly bodyLimits: BodyLimits;
  readonly errorPage: ErrorPage | null;
  readonly hsts: boolean;
  readonly onRefusal: ((error: unknown, context: HttpContext) => void) | null;
  /** Counts the request in. @throws SystemError when the server takes no more */
  enter(request: OpenRequest): void;
  leave(request: OpenRequest): void;
  isDraining(): boolean;
};

export type Incoming = {
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: unknown;
};

/** What answers: a route, or the error that stands for an unknown path or a wrong method. */
export type Destination =
  | { readonly kind: 'route'; readonly served: ServedRoute }
  | { readonly kind: 'refusal'; readonly label: string; readonly error: Error };

/** enter → authorize → read → check → answer → send → tell. Never rejects. */
export async function exchange(deps: ExchangeDeps, to: Destination, incoming: Incoming): Promise<void> {
  const { raw, response } = incoming;
  const startedAt = performance.now();
  const label = to.kind === 'route' ? labelOf(to.served.target) : to.label;
  using request = openRequest(label, raw, response, deps.trusted);
  const { context } = request;
  const target = to.kind === 'route' ? to.served.target : null;
  const page = target?.kind === 'route' && target.page ? deps.errorPage : null;
  let reason: string | null = null;
  deps.observer.started();
  try {
    let answer: HttpAnswer | null;
    try {
      deps.enter(request);
      answer = await answerOf(deps, to, incoming, request);
    } catch (error) {
      deps.onRefusal?.(error, context);
      const mapped = answerOfError(error, context, (err, errorId) => report(deps.logger, request, err, errorId), page);
      ({ answer, reason } = mapped);
    }
    if (answer !== null && !response.destroyed) {
      await send(raw, response, answer, {
        cookies: request.cookies,
        requestId: context.requestId,
        hsts: deps.hsts,
        isLast: deps.isDraining(),
      });
    }
    await finished(response);
  } catch (err) {
    deps.logger.debug('an answer broke off', { request_id: context.requestId, err });
    response.destroy();
  } finally {
    deps.leave(request);
    deps.observer.finished({
      method: to.kind === 'route' ? context.method : 'other',
      route: label,
      path: request.path,
      status: response.statusCode,
      durationMs: performance.now() - startedAt,
      requestId: context.requestId,
      clientAddress: context.clientAddress,
      protocol: `HTTP/${raw.httpVersion}`,
      reason,
      isAborted: !response.writableFinished,
      notes: request.notes,
    });
  }
}

/** null when a mount has answered by itself. */
async function answerOf(
  deps: ExchangeDeps,
  to: Destination,
  { raw, response, params }: Incoming,
  request: OpenRequest,
): Promise<HttpAnswer | null> {
  if (to.kind === 'refusal') throw to.error;
  const { rule, target } = to.served;
  if (rule !== 'public') {
    const instead = await rule.authorize(request.context);
    if (instead !== undefined) return instead;
  }
  if (target.kind === 'mount') {
    if (deps.hsts) response.setHeader(...hstsHeader);
    await target.handle(raw, response, request.context);
    return null;
  }
  return answerRoute(deps, target, raw, params, request);
}

async function answerRoute(
  deps: ExchangeDeps,
  target: HttpRoute,
  raw: IncomingMessage,
  params: unknown,
  { context, query }: OpenRequest,
): Promise<HttpAnswer> {
  // Only a prefix of the route was asked for.
  if (Object.values(params as object).includes('')) throw unknownRoute;
  const fields = {
    params: checkInput('path', target.params, target.params === null ? {} : params),
    query: checkInput('query', target.query, parseFields(query, 'query')),
    body: await readBody(raw, target.body, deps.bodyLimits, context),
  };
  const body =
    target.body === null || target.body.schema === null
      ? fields.body
      : checkInput('body', target.body.schema, fields.body);
  return target.answer(Object.assign(context, fields, { body }));
}

export const unknownRoute = httpErrors.error('not_found', 'nothing is served at this path', {
  reason: 'unknown_route',
});

function report(logger: Logger, { context }: OpenRequest, err: unknown, errorId: string): void {
  logger.error('request failed', { request_id: context.requestId, route: context.route, error_id: errorId, err });
}

/** Resolves when the answer has left or the connection has. */
async function finished(response: ServerResponse): Promise<void> {
  if (response.writableFinished || response.destroyed) return;
  await new Promise<void>((resolve) => {
    response.once('finish', resolve);
    response.once('close', resolve);
  });
}
