import type { AuthorizationMap, AuthorizationRule, CallContext, Handlers, ServiceDefinition } from './types.ts';

/** One RPC ready to be served; message types are settled by `defineService`. */
export type ServedMethod = {
  readonly path: string;
  readonly rule: AuthorizationRule;
  decode(bytes: Buffer): unknown;
  encode(message: unknown): Buffer;
  readonly handler:
    | { readonly kind: 'unary'; answer(request: unknown, context: CallContext): unknown }
    | { readonly kind: 'stream'; answer(request: unknown, context: CallContext): AsyncIterable<unknown> };
};

export type ServedService = { readonly name: string; readonly methods: readonly ServedMethod[] };

/**
 * Joins a generated definition with its handlers and the rule of each RPC.
 * @throws Error when an RPC has no handler or no rule, a rule or handler names no RPC, or an RPC streams its request
 */
export function defineService<S extends ServiceDefinition>(
  definition: S,
  parts: { readonly handlers: Handlers<S>; readonly authorization: AuthorizationMap<S> },
): ServedService {
  const names = Object.keys(definition);
  const service = serviceName(definition[names[0] ?? '']?.path ?? '');
  refuseUnknown(service, 'handler', Object.keys(parts.handlers), names);
  refuseUnknown(service, 'authorization rule', Object.keys(parts.authorization), names);
  const handlers: Readonly<Record<string, unknown>> = parts.handlers;
  const rules: Readonly<Record<string, AuthorizationRule | undefined>> = parts.authorization;
  const methods = Object.entries(definition).map(([name, method]): ServedMethod => {
    const answer = handlers[name];
    const rule = rules[name];
    if (typeof answer !== 'function') throw new Error(`gRPC ${method.path} has no handler`);
    if (rule === undefined) throw new Error(`gRPC ${method.path} is missing from the authorization map`);
    if (method.requestStream) throw new Error(`gRPC ${method.path} streams its request, which is not supported`);
    return {
      path: method.path,
      rule,
      decode: method.requestDeserialize,
      // The type parameter S ties each handler to the messages of its definition; past here they are opaque.
      encode: method.responseSerialize as (message: unknown) => Buffer,
      handler: method.responseStream
        ? { kind: 'stream', answer: answer as (request: unknown, context: CallContext) => AsyncIterable<unknown> }
        : { kind: 'unary', answer: answer as (request: unknown, context: CallContext) => unknown },
    };
  });
  if (methods.length === 0) throw new Error('a gRPC service without RPCs cannot be served');
  return { name: service, methods };
}

/** `package.Service` of `/package.Service/Method`. */
function serviceName(path: string): string {
  return path.slice(1, path.lastIndexOf('/'));
}

function refuseUnknown(service: string, what: string, given: readonly string[], known: readonly string[]): void {
  for (const name of given) {
    if (!known.includes(name)) throw new Error(`gRPC ${service}: ${what} ${name} belongs to no RPC of the service`);
  }
}
