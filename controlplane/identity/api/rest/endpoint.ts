import {
  json,
  jsonBody,
  noContent,
  route,
  type HttpAnswer,
  type HttpContext,
  type HttpRoute,
  type HttpRule,
} from '../../../../mcdsl/http/index.ts';
import type { Call, Holder, Person } from '../call.ts';
import type { Operation } from '../operation.ts';
import type { Runner } from '../runner.ts';

export type Endpoint = { readonly target: HttpRoute; readonly rule: HttpRule };

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Beside the context, not in it: what no rule has set, nobody can have made up. */
const callers = new WeakMap<object, Holder | Person | null>();

/**
 * A route whose path, query and body together are an operation's input. GET and DELETE have no body, so the rest of their fields is
 * in the query; the others take JSON.
 * @param answer what to send for the operation's result; without it JSON, or 204 for null
 */
export function endpoint<I, O>(
  runner: Runner,
  method: Method,
  path: `/${string}`,
  operation: Operation<I, O>,
  answer: (output: O) => HttpAnswer = shown,
): Endpoint {
  const { input } = operation;
  const inPath = [...path.matchAll(/:([a-z_]+)/g)].map(([, name = '']) => [name, true] as const);
  const mask = Object.fromEntries(inPath);
  const params = inPath.length === 0 ? null : input.pick(mask);
  const rest = input.omit(mask);
  const hasBody = method !== 'GET' && method !== 'DELETE';
  return {
    target: route({
      method,
      path,
      ...(params === null ? {} : { params }),
      ...(hasBody ? { body: jsonBody(rest) } : { query: rest }),
      async answer(request) {
        // The parts of the schema, each checked, make the whole of it.
        const fields = { ...request.params, ...(hasBody ? request.body : request.query) } as I;
        const call = callOf(request);
        // A body may take its time, and whoever was admitted at its head may have lost token or role since.
        const isLate = hasBody && operation.rule.who !== 'anyone';
        const caller = isLate
          ? await runner.admit(operation.rule, operation.name, call)
          : (callers.get(request) ?? null);
        return answer(await runner.run(operation, fields, call, caller));
      },
    }),
    rule:
      operation.rule.who === 'anyone'
        ? 'public'
        : {
            rule: `${operation.rule.who}${operation.rule.isSensitive ? ', recent login' : ''}`,
            async authorize(context) {
              callers.set(context, await runner.admit(operation.rule, operation.name, callOf(context)));
            },
          },
  };
}

export function callOf(context: HttpContext): Call {
  return {
    address: context.clientAddress,
    requestId: context.requestId,
    userAgent: context.header('user-agent') ?? '',
    bearer: context.header('authorization'),
    note: (fields) => context.note(fields),
  };
}

function shown(output: unknown): HttpAnswer {
  return output === null ? noContent() : json(200, output);
}

export function created(output: unknown): HttpAnswer {
  return json(201, output);
}

/** A result that has one thing in it is that thing. */
export function only<K extends string>(key: K) {
  return (output: Readonly<Record<K, unknown>>): HttpAnswer => json(200, output[key]);
}
