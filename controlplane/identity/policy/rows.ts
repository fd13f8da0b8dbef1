import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import type { AccountType, Effect, PolicyRule, Role } from './model.ts';
import type { RuleDraft } from './rule.ts';

/** Rules as rows of policy_rules; lists are JSON. */
interface RuleRow {
  readonly id: number;
  readonly priority: number;
  readonly effect: Effect;
  readonly enabled: number;
  readonly description: string;
  readonly roles: string;
  readonly account_types: string;
  readonly accounts: string;
  readonly services: string;
  readonly tags: string;
  readonly not_before: number | null;
  readonly expires_at: number | null;
}

interface Author {
  readonly by: string;
  readonly now: number;
}

const columns =
  'priority, effect, enabled, description, roles, account_types, accounts, services, tags, not_before, expires_at';
const values =
  '@priority, @effect, @enabled, @description, @roles, @accountTypes, @accounts, @services, @tags, @notBefore, @expiresAt';

/** By id. */
export function readRules(reader: Reader): readonly PolicyRule[] {
  return reader.all<RuleRow>(`SELECT id, ${columns} FROM policy_rules ORDER BY id`).map((row) => ({
    id: row.id,
    priority: row.priority,
    effect: row.effect,
    enabled: row.enabled === 1,
    description: row.description,
    roles: JSON.parse(row.roles) as Role[],
    accountTypes: JSON.parse(row.account_types) as AccountType[],
    accounts: JSON.parse(row.accounts) as string[],
    services: JSON.parse(row.services) as string[],
    tags: JSON.parse(row.tags) as string[],
    notBefore: row.not_before,
    expiresAt: row.expires_at,
  }));
}

/** Returns the id that the rule got. */
export function insertRule(writer: Writer, draft: RuleDraft, author: Author): number {
  const { lastId } = writer.run(
    `INSERT INTO policy_rules (${columns}, updated_by, created_at) VALUES (${values}, @by, @now)`,
    parameters(draft, author),
  );
  return Number(lastId);
}

export function upsertRule(writer: Writer, rule: PolicyRule, author: Author): void {
  const changed = [...columns.split(', '), 'updated_by'].map((column) => `${column} = excluded.${column}`).join(', ');
  writer.run(
    `INSERT INTO policy_rules (id, ${columns}, updated_by, created_at) VALUES (@id, ${values}, @by, @now)
     ON CONFLICT (id) DO UPDATE SET ${changed}`,
    { ...parameters(rule, author), id: rule.id },
  );
}

export function deleteOthers(writer: Writer, ids: readonly number[]): void {
  writer.run('DELETE FROM policy_rules WHERE id NOT IN (SELECT value FROM json_each(?))', [JSON.stringify(ids)]);
}

function parameters(draft: RuleDraft, { by, now }: Author): Record<string, string | number | null> {
  return {
    priority: draft.priority,
    effect: draft.effect,
    enabled: draft.enabled ? 1 : 0,
    description: draft.description,
    roles: JSON.stringify(draft.roles),
    accountTypes: JSON.stringify(draft.accountTypes),
    accounts: JSON.stringify(draft.accounts),
    services: JSON.stringify(draft.services),
    tags: JSON.stringify(draft.tags),
    notBefore: draft.notBefore,
    expiresAt: draft.expiresAt,
    by,
    now,
  };
}
