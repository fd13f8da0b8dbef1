import type { z } from 'zod';

import { ruleOf, type authorization, type CallerRule, type OperationName } from './authorization.ts';
import type { Call } from './call.ts';
import type { CallerOf } from './callers.ts';

type Input<I> = z.ZodObject<z.ZodRawShape> & z.ZodType<I>;
type CallerFor<Name extends OperationName> = CallerOf[(typeof authorization)[Name]['who']];

/**
 * One thing that mcias does for a caller. REST and gRPC are two spellings of it: both check `input`, admit by `rule` and answer with
 * what `run` returns, whose times are `Date`.
 */
export type Operation<I, O> = {
  /** Of the log and of audit entries, such as `accounts.create`. */
  readonly name: OperationName;
  readonly rule: CallerRule;
  readonly input: Input<I>;
  /** Its refusals are audited by the rooms below, with more than an edge knows. */
  readonly auditsRefusals: boolean;
  /** @param caller admitted by `rule`: what that promises, nothing here can check again */
  run(input: I, call: Call, caller: CallerOf[CallerRule['who']]): O | Promise<O>;
};

export function operation<Name extends OperationName, I, O>(
  name: Name,
  input: Input<I>,
  run: (input: I, call: Call, caller: CallerFor<Name>) => O | Promise<O>,
  { auditsRefusals = false }: { readonly auditsRefusals?: boolean } = {},
): Operation<I, O> {
  return {
    name,
    rule: ruleOf(name),
    input,
    auditsRefusals,
    run: (given, call, caller) => run(given, call, caller as CallerFor<Name>),
  };
}
