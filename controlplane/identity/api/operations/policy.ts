import { z } from 'zod';

import type { Writer } from '../../../../mcdsl/database/index.ts';
import { requireAccount } from '../../accounts/index.ts';
import { appendAudit } from '../../audit/index.ts';
import { identityErrors, refusal } from '../../errors.ts';
import {
  accountDirectory,
  accountTypes,
  evaluate,
  policyRevision,
  roles,
  toWire,
  type PolicyRule,
  type RuleChange,
} from '../../policy/index.ts';
import type { Call, Person } from '../call.ts';
import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { explained } from './explained.ts';
import { accountField, contextFields, contextOf, pageFields, pageOf, revisionField, whole } from './fields.ts';
import { sourceOf } from './grants.ts';

const ruleId = () => whole(1, Number.MAX_SAFE_INTEGER);
/** The room for rules judges what is in it, and names the field. */
const rule = () => z.unknown();

/** The login policy; for admins. */
export function policyOperations(deps: ApiDeps) {
  const { store, policy, clock } = deps;

  function change<T>(
    call: Call,
    person: Person,
    revision: number,
    what: Readonly<Record<string, string | number>>,
    work: (writer: Writer, change: RuleChange) => T,
  ): { readonly result: T; readonly revision: number } {
    const now = clock();
    return store.change((writer) => {
      const result = work(writer, { by: person.account.id, now, revision });
      const next = policyRevision(writer);
      const details = { ...what, revision: next };
      const entry = { ...sourceOf(person, call), target: String(what['rule'] ?? ''), service: '', reason: '' } as const;
      appendAudit(writer, { ...entry, event: 'policy.changed', details }, now);
      return { result, revision: next };
    });
  }

  const shown = (stored: PolicyRule) => shownRule(stored, store);

  const getSet = operation('policy.get', z.strictObject({}), () => {
    const { rules, revision } = policy.snapshot();
    return { rules: rules.map(shown), revision };
  });

  const replaceSet = operation(
    'policy.replace',
    z.strictObject({ rules: z.unknown(), revision: revisionField() }),
    (input, call, person) => {
      const { result, revision } = change(call, person, input.revision, { change: 'replaced' }, (writer, by) =>
        policy.replace(writer, input.rules, by),
      );
      return { rules: result.map(shown), revision };
    },
  );

  const listRules = operation('policy.list_rules', z.strictObject(pageFields), (input) => {
    const { rules, revision } = policy.snapshot();
    const { limit, cursor } = pageOf(input);
    const after = rules.filter(({ id }) => cursor === null || id > Number(cursor));
    const page = after.slice(0, limit);
    const last = page.at(-1);
    const next_cursor = after.length > limit && last !== undefined ? String(last.id) : null;
    return { rules: page.map(shown), revision, next_cursor };
  });

  const getRule = operation('policy.get_rule', z.strictObject({ id: ruleId() }), ({ id }) => {
    const { rules, revision } = policy.snapshot();
    const found = rules.find((candidate) => candidate.id === id);
    if (found === undefined) throw identityErrors.error('not_found', `there is no rule ${id}`);
    return { rule: shown(found), revision };
  });

  const createRule = operation(
    'policy.create_rule',
    z.strictObject({ rule: rule(), revision: revisionField() }),
    (input, call, person) => {
      const { result, revision } = change(call, person, input.revision, { change: 'created' }, (writer, by) =>
        policy.create(writer, input.rule, by),
      );
      return { rule: shown(result), revision };
    },
  );

  const putRule = operation(
    'policy.put_rule',
    z.strictObject({ id: ruleId(), rule: rule(), revision: revisionField() }),
    (input, call, person) => {
      const what = { change: 'put', rule: input.id };
      const { result, revision } = change(call, person, input.revision, what, (writer, by) =>
        policy.put(writer, input.id, input.rule, by),
      );
      return { rule: shown(result), revision };
    },
  );

  const deleteRule = operation(
    'policy.delete_rule',
    z.strictObject({ id: ruleId(), revision: revisionField() }),
    (input, call, person) => {
      const what = { change: 'deleted', rule: input.id };
      const { revision } = change(call, person, input.revision, what, (writer, by) =>
        policy.remove(writer, input.id, by),
      );
      return { revision };
    },
  );

  const explain = operation(
    'policy.explain',
    z.strictObject({
      account: accountField().optional(),
      account_type: z.enum(accountTypes).optional(),
      roles: z.array(z.enum(roles)).max(roles.length).optional(),
      ...contextFields,
    }),
    (input) => {
      const context = contextOf(input);
      const snapshot = policy.snapshot();
      const account = subjectOf(input);
      return { policy: explained(snapshot, evaluate(snapshot, { account, context, now: clock() }, 'explain')) };
    },
  );

  function subjectOf(input: {
    account?: string | undefined;
    account_type?: (typeof accountTypes)[number] | undefined;
    roles?: readonly (typeof roles)[number][] | undefined;
  }) {
    const { account, account_type: type, roles: supposed } = input;
    if ((account === undefined) === (type === undefined) || (account !== undefined && supposed !== undefined)) {
      const message = 'say account, or account_type and roles';
      throw refusal('invalid_argument', 'bad_value', { message, details: { field: 'account' } });
    }
    if (account !== undefined) return requireAccount(store.reader, account);
    return { id: null, type: type ?? 'human', roles: supposed ?? [], status: 'enabled' } as const;
  }

  return { getSet, replaceSet, listRules, getRule, createRule, putRule, deleteRule, explain };
}

function shownRule(stored: PolicyRule, { reader }: ApiDeps['store']) {
  return toWire(stored, accountDirectory(reader));
}
