import { appendFailure } from '../audit/index.ts';
import { identityErrors, refusalOf } from '../errors.ts';
import { reasons } from '../reasons.ts';
import type { CallerRule } from './authorization.ts';
import type { Call, Holder, Person } from './call.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './operation.ts';

type Caller = Holder | Person | null;

/** Admits and runs operations, and audits what they refuse: an entry that cannot be written refuses with audit_unavailable. */
export type Runner = {
  /** Before anything of the request but its head is looked at. */
  admit(rule: CallerRule, name: string, call: Call): Promise<Caller>;
  /** @param input checked by the operation's schema */
  run<I, O>(operation: Operation<I, O>, input: I, call: Call, caller: Caller): Promise<O>;
};

export function createRunner({ store, callers, clock }: ApiDeps): Runner {
  const audited = async <T>(
    work: () => Promise<T>,
    call: Call,
    event: 'token.refused' | 'request.refused',
    target: string,
    caller: Caller,
    isAuditedBelow: boolean,
  ): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const cause = refusalOf(error);
      if (cause === null) throw error;
      call.note({ reason: cause.reason, ...cause.logged });
      const isRecorded = isAuditedBelow && identityErrors.is(error) && auditedBelow.has(error.code);
      if (isRecorded || !reasons[cause.reason].audited) throw error;
      const { reason, logged } = cause;
      const actor = caller === null ? '' : caller.account.name;
      const actorKind = caller === null ? 'anonymous' : caller.account.type;
      const { address: ip, requestId } = call;
      const entry = { actor, actorKind, ip, requestId, event, target, service: '', reason, details: logged } as const;
      store.change((writer) => appendFailure(writer, entry, clock()));
      throw error;
    }
  };

  return {
    admit: (rule, name, call) => audited(() => callers.admit(rule, call), call, 'token.refused', name, null, false),
    run: (operation, input, call, caller) => {
      const { name, auditsRefusals } = operation;
      const work = async () => operation.run(input, call, caller);
      return audited(work, call, 'request.refused', name, caller, auditsRefusals);
    },
  };
}

/** What the rooms of a login audit themselves, with the name that was tried and the address that counts. */
const auditedBelow: ReadonlySet<string> = new Set([
  'invalid_credentials',
  'account_locked',
  'policy_denied',
  'invalid_grant',
]);
