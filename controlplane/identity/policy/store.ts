import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { refusal } from '../errors.ts';
import { readMeta, writeMeta } from '../store/index.ts';
import { compilePolicy, type PolicySnapshot } from './compile.ts';
import type { PolicyRule } from './model.ts';
import { deleteOthers, insertRule, readRules, upsertRule } from './rows.ts';
import { maxRules, parseRule, parseRuleSet, type AccountDirectory, type RuleDraft, type RuleIssue } from './rule.ts';

/** Who changes rules, when, and of which set they think. */
export interface RuleChange {
  /** Id of the account, or the command. */
  readonly by: string;
  readonly now: number;
  /** The revision that the caller has read; another one in force is a conflict. Null: whatever is in force. */
  readonly revision: number | null;
}

/**
 * The rules in the database. Every change counts the revision up in its own transaction, so a set is in force whole or not at all.
 * @throws invalid_argument, reason bad_rule, naming the field; conflict, reason stale_revision; not_found; table_full
 */
export interface PolicyStore {
  /**
   * The set in force. Costs one lookup of its revision, and compiles only after a change, also one of another process. Not to be
   * asked inside the transaction that changes rules: it may still be undone.
   */
  snapshot(): PolicySnapshot;
  create(writer: Writer, input: unknown, change: RuleChange): PolicyRule;
  put(writer: Writer, id: number, input: unknown, change: RuleChange): PolicyRule;
  remove(writer: Writer, id: number, change: RuleChange): void;
  /** The whole set. Rules keep the ids that they come with; the others get new ones. */
  replace(writer: Writer, input: unknown, change: RuleChange): readonly PolicyRule[];
}

export function createPolicyStore(reader: Reader): PolicyStore {
  let compiled: PolicySnapshot | null = null;

  return {
    snapshot() {
      const revision = policyRevision(reader);
      if (compiled === null || compiled.revision !== revision) compiled = compilePolicy(readRules(reader), revision);
      return compiled;
    },

    create(writer, input, change) {
      checkRevision(writer, change);
      const draft = valid(input, writer);
      if (draft.id !== null) throw badRule([{ field: 'id', message: 'is chosen by the server' }]);
      const count = readRules(writer).length;
      if (count >= maxRules) throw tableFull(count + 1);
      const id = insertRule(writer, draft, change);
      countUp(writer, change);
      return { ...draft, id };
    },

    put(writer, id, input, change) {
      checkRevision(writer, change);
      const draft = valid(input, writer);
      if (draft.id !== null && draft.id !== id) throw badRule([{ field: 'id', message: `is not ${id}` }]);
      checkExists(writer, id);
      const rule = { ...draft, id };
      upsertRule(writer, rule, change);
      countUp(writer, change);
      return rule;
    },

    remove(writer, id, change) {
      checkRevision(writer, change);
      checkExists(writer, id);
      writer.run('DELETE FROM policy_rules WHERE id = ?', [id]);
      countUp(writer, change);
    },

    replace(writer, input, change) {
      checkRevision(writer, change);
      const parsed = parseRuleSet(input, accountDirectory(writer));
      if (parsed.ok === 'table_full') throw tableFull(parsed.count);
      if (!parsed.ok) throw badRule(parsed.issues);
      // Given ids first, so that new ones never take them.
      const [fresh, given] = split(parsed.value);
      deleteOthers(
        writer,
        given.map(({ id }) => id),
      );
      for (const rule of given) upsertRule(writer, rule, change);
      for (const draft of fresh) insertRule(writer, draft, change);
      countUp(writer, change);
      return readRules(writer);
    },
  };
}

/** Counts the changes of the rules; 0 before the first. */
export function policyRevision(reader: Reader): number {
  return Number(readMeta(reader, 'policy_revision') ?? '0');
}

/** The two rules that a new mcias starts with: ordinary ones, to be changed or deleted like any other. */
export function writeBaselineRules(writer: Writer, change: Omit<RuleChange, 'revision'>): void {
  const rules = [
    { id: 1, priority: 900, effect: 'allow', roles: ['user'], description: 'people with the role user' },
    { id: 2, priority: 900, effect: 'allow', account_types: ['system'], description: 'system accounts' },
  ];
  for (const rule of rules) {
    upsertRule(writer, { ...valid(rule, writer), id: rule.id }, change);
  }
  countUp(writer, change);
}

/** Deleted accounts are found too, so that a set which still names one can be read back. */
export function accountDirectory(reader: Reader): AccountDirectory {
  return {
    find: (reference) =>
      reader.get<{ id: string }>('SELECT id FROM accounts WHERE id = @id OR name = @name', {
        id: reference,
        name: reference.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
      })?.id ?? null,
    nameOf: (id) => reader.get<{ name: string }>('SELECT name FROM accounts WHERE id = ?', [id])?.name ?? null,
  };
}

function split(drafts: readonly RuleDraft[]): [RuleDraft[], PolicyRule[]] {
  const fresh: RuleDraft[] = [];
  const given: PolicyRule[] = [];
  for (const draft of drafts) {
    if (draft.id === null) fresh.push(draft);
    else given.push({ ...draft, id: draft.id });
  }
  return [fresh, given];
}

function valid(input: unknown, reader: Reader): RuleDraft {
  const parsed = parseRule(input, accountDirectory(reader));
  if (!parsed.ok) throw badRule(parsed.issues);
  return parsed.value;
}

function checkRevision(reader: Reader, { revision }: RuleChange): void {
  const inForce = policyRevision(reader);
  if (revision === null || revision === inForce) return;
  throw refusal('conflict', 'stale_revision', {
    message: `the rules have changed meanwhile: revision ${inForce} is in force, not ${revision}; read them again`,
    details: { revision: inForce },
  });
}

function checkExists(reader: Reader, id: number): void {
  if (reader.get('SELECT 1 FROM policy_rules WHERE id = ?', [id]) !== null) return;
  throw refusal('not_found', 'bad_rule', { message: `there is no rule ${id}` });
}

function countUp(writer: Writer, { now }: Pick<RuleChange, 'now'>): void {
  writeMeta(writer, 'policy_revision', String(policyRevision(writer) + 1), now);
}

function badRule(issues: readonly RuleIssue[]): Error {
  const [first] = issues;
  return refusal('invalid_argument', 'bad_rule', {
    message: `the rule is not valid: ${first?.field ?? 'rule'}: ${first?.message ?? ''}; nothing was changed`,
    details: { field: first?.field ?? 'rule', issues: issues.map(({ field, message }) => ({ field, message })) },
  });
}

function tableFull(count: number): Error {
  return refusal('table_full', 'table_full', {
    message: `there may be ${maxRules} rules, not ${count}; nothing was changed`,
    details: { max: maxRules },
  });
}
