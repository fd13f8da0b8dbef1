import { SystemError } from '../../../../mcdsl/errors/index.ts';
import type { CallContext } from '../../../../mcdsl/grpc/index.ts';
import { checkInput, clientOf, type TrustedProxies } from '../../../../mcdsl/http/index.ts';
import type { LogFields, Logger } from '../../../../mcdsl/logging/index.ts';
import { refusal } from '../../errors.ts';
import type { Call, Holder, Person } from '../call.ts';
import type { Operation } from '../operation.ts';
import type { Runner } from '../runner.ts';

/** Beside the context, not in it: what no rule has set, nobody can have made up. */
const callers = new WeakMap<object, Holder | Person | null>();

export type Rpcs = ReturnType<typeof createRpcs>;

export function createRpcs(runner: Runner, trusted: TrustedProxies, logger: Logger) {
  const callOf = (context: CallContext, notes: Record<string, unknown>): Call => {
    const forwarded = { 'x-forwarded-for': context.header('x-forwarded-for') ?? undefined };
    return {
      address: clientOf(context.peerAddress, true, forwarded, trusted).address,
      requestId: context.requestId,
      userAgent: context.header('user-agent') ?? '',
      bearer: context.header('authorization'),
      note: (fields) => void Object.assign(notes, fields),
    };
  };

  /** One line a call, as the edge of HTTP writes it. */
  const told = (context: CallContext, call: Call, notes: LogFields, outcome: string): void =>
    logger.info('request', {
      request_id: context.requestId,
      rpc: context.path,
      outcome,
      client: call.address,
      ...notes,
    });

  const admit = async <I, O>({ rule, name }: Operation<I, O>, context: CallContext): Promise<void> => {
    const notes: Record<string, unknown> = {};
    const call = callOf(context, notes);
    try {
      callers.set(context, await runner.admit(rule, name, call));
    } catch (error) {
      told(context, call, notes, codeOf(error));
      throw error;
    }
  };

  /**
   * Checks what a request says and runs the operation.
   * @param isRepeated by a stream that looks again: only a failure is told
   * @throws what the operation throws
   */
  const perform = async <I, O>(
    operation: Operation<I, O>,
    fields: object,
    context: CallContext,
    isRepeated = false,
  ): Promise<O> => {
    const caller = callers.get(context) ?? null;
    const notes: Record<string, unknown> = caller === null ? {} : { account: caller.account.name };
    const call = callOf(context, notes);
    let outcome = 'ok';
    try {
      const sent = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
      const input = checkInput('request', operation.input, sent) as I;
      return await runner.run(operation, input, call, caller);
    } catch (error) {
      outcome = codeOf(error);
      throw error;
    } finally {
      if (!isRepeated || outcome !== 'ok') told(context, call, notes, outcome);
    }
  };

  /** @param fields the request in the words of REST; what is undefined was not given */
  function rpc<I, O, Request, Answer>(
    operation: Operation<I, O>,
    fields: (request: Request) => object,
    answer: (output: O) => Answer,
  ): { readonly rule: Rule; handle(request: Request, context: CallContext): Promise<Answer> } {
    return {
      rule: ruleOf(operation, admit),
      handle: async (request, context) => answer(await perform(operation, fields(request), context)),
    };
  }

  return { rpc, admit, perform };
}

function codeOf(error: unknown): string {
  return error instanceof SystemError ? error.code : 'internal';
}

type Rule = 'public' | { readonly rule: string; authorize(context: CallContext): Promise<void> };

export function ruleOf<I, O>(
  operation: Operation<I, O>,
  admit: (operation: Operation<I, O>, context: CallContext) => Promise<void>,
): Rule {
  const { who, isSensitive } = operation.rule;
  if (who === 'anyone') return 'public';
  return { rule: `${who}${isSensitive ? ', recent login' : ''}`, authorize: (context) => admit(operation, context) };
}

/** Joins RPCs into what a service is defined by. */
export function serve<R extends Readonly<Record<string, { readonly rule: Rule; readonly handle: unknown }>>>(
  rpcs: R,
): {
  readonly handlers: { readonly [K in keyof R]: R[K]['handle'] };
  readonly authorization: { readonly [K in keyof R]: Rule };
} {
  const entries = Object.entries(rpcs);
  return {
    handlers: Object.fromEntries(entries.map(([name, { handle }]) => [name, handle])) as {
      readonly [K in keyof R]: R[K]['handle'];
    },
    authorization: Object.fromEntries(entries.map(([name, { rule }]) => [name, rule])) as {
      readonly [K in keyof R]: Rule;
    },
  };
}

/** A WebAuthn response that comes as text. @throws invalid_argument */
export function jsonText(field: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusal('invalid_argument', 'bad_json', { message: `${field} is not JSON`, details: { field } });
  }
}

/** proto3 has no absent text in a plain field: an empty one stands for it. */
export function given(text: string): string | undefined {
  return text === '' ? undefined : text;
}

export function pageFields(page: { readonly limit: number; readonly cursor: string } | undefined) {
  return { limit: page === undefined || page.limit === 0 ? undefined : page.limit, cursor: given(page?.cursor ?? '') };
}

/** `next_cursor` is empty on the last page. */
export function lastPage<T extends { readonly next_cursor: string | null }>(
  output: T,
): { readonly nextCursor: string } {
  return { nextCursor: output.next_cursor ?? '' };
}

export function nothing(): Record<string, never> {
  return {};
}
