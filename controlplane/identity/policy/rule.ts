import { z } from 'zod';
import { expecting } from '../../../mcdsl/config/index.ts';
import { maxTags, serviceNamePattern, tagPattern } from './context.ts';
import { accountTypes, roles, type PolicyRule } from './model.ts';

/** How many rules a set may have; one more is refused (table_full). */
export const maxRules = 1000;

const maxListed = 64;
const serviceName = expecting(
  z.string().regex(serviceNamePattern, 'is not a service name'),
  'a service name such as "mcq"',
);
const tag = expecting(z.string().regex(tagPattern, 'is not a tag'), 'a tag such as "env:restricted"');
const account = expecting(z.string().min(1).max(64), 'the name or id of an account');
const time = expecting(
  z.iso.datetime({ error: 'is not an RFC 3339 time in UTC' }),
  'a time in UTC such as "2027-01-31T00:00:00Z"',
);

/** A rule as REST, gRPC and files write it; unknown keys are refused, so that a misspelled condition never widens a rule. */
export const ruleSchema = z.strictObject({
  id: z.int().min(1).optional(),
  priority: z.int().min(1).max(65_535),
  effect: z.enum(['allow', 'deny']),
  enabled: z.boolean().default(true),
  description: z.string().max(256).default(''),
  roles: z.array(z.enum(roles)).max(roles.length).default([]),
  account_types: z.array(z.enum(accountTypes)).max(accountTypes.length).default([]),
  accounts: z.array(account).max(maxListed).default([]),
  services: z.array(serviceName).max(maxListed).default([]),
  tags: z.array(tag).max(maxTags).default([]),
  not_before: time.optional(),
  expires_at: time.optional(),
});

/** Accounts stand in it by name where they have one. */
export type WireRule = z.output<typeof ruleSchema>;

/** A valid rule whose id is not given out yet where `id` is null. */
export type RuleDraft = Omit<PolicyRule, 'id'> & { readonly id: number | null };

/** `field` names the place in what was given, such as `rules[3].tags[0]`. */
export interface RuleIssue {
  readonly field: string;
  readonly message: string;
}

export type RuleParse<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: readonly RuleIssue[] };

/** Names and ids of accounts, as far as rules need them. */
export interface AccountDirectory {
  /** The id of the account with this name or id, deleted ones included; null when there is none. */
  find(reference: string): string | null;
  /** The name to show for an id; null when the account is gone. */
  nameOf(id: string): string | null;
}

/** Judges one rule that somebody wants to write. `at` is the place to name in issues, '' for a rule on its own. */
export function parseRule(input: unknown, directory: AccountDirectory, at = ''): RuleParse<RuleDraft> {
  const parsed = ruleSchema.safeParse(input);
  if (!parsed.success) return { ok: false, issues: parsed.error.issues.flatMap((issue) => describe(issue, at)) };
  const wire = parsed.data;
  const issues: RuleIssue[] = [];
  const accounts = wire.accounts.map((reference, index) => {
    const id = directory.find(reference);
    if (id === null) {
      // A misspelled name in a deny would otherwise protect nothing, silently.
      const message = `there is no account ${JSON.stringify(reference)}`;
      issues.push({ field: placeOf(at, ['accounts', index]), message });
    }
    return id ?? '';
  });
  const notBefore = timeOf(wire.not_before);
  const expiresAt = timeOf(wire.expires_at);
  if (notBefore !== null && expiresAt !== null && notBefore >= expiresAt) {
    issues.push({ field: placeOf(at, ['expires_at']), message: 'must be later than not_before' });
  }
  if (issues.length > 0) return { ok: false, issues };
  return {
    ok: true,
    value: {
      id: wire.id ?? null,
      priority: wire.priority,
      effect: wire.effect,
      enabled: wire.enabled,
      description: wire.description,
      roles: unique(wire.roles),
      accountTypes: unique(wire.account_types),
      accounts: unique(accounts),
      services: unique(wire.services),
      tags: unique(wire.tags),
      notBefore,
      expiresAt,
    },
  };
}

export type RuleSetParse = RuleParse<readonly RuleDraft[]> | { readonly ok: 'table_full'; readonly count: number };

/** Judges a whole set: every rule, ids that occur twice, and the bound. Reports all issues at once. */
export function parseRuleSet(input: unknown, directory: AccountDirectory): RuleSetParse {
  if (!Array.isArray(input)) return { ok: false, issues: [{ field: 'rules', message: 'must be a list of rules' }] };
  if (input.length > maxRules) return { ok: 'table_full', count: input.length };
  const drafts: RuleDraft[] = [];
  const issues: RuleIssue[] = [];
  const seen = new Map<number, number>();
  for (const [index, item] of input.entries()) {
    const at = `rules[${index}]`;
    const parsed = parseRule(item, directory, at);
    if (!parsed.ok) {
      issues.push(...parsed.issues);
      continue;
    }
    const { id } = parsed.value;
    const first = id === null ? undefined : seen.get(id);
    if (first !== undefined) issues.push({ field: `${at}.id`, message: `is the id of rules[${first}] too` });
    if (id !== null) seen.set(id, first ?? index);
    drafts.push(parsed.value);
  }
  return issues.length > 0 ? { ok: false, issues } : { ok: true, value: drafts };
}

/** A rule as it is shown: what the parser reads back as the same rule. */
export function toWire(rule: PolicyRule, directory: AccountDirectory): WireRule {
  return {
    id: rule.id,
    priority: rule.priority,
    effect: rule.effect,
    enabled: rule.enabled,
    description: rule.description,
    roles: [...rule.roles],
    account_types: [...rule.accountTypes],
    accounts: rule.accounts.map((id) => directory.nameOf(id) ?? id),
    services: [...rule.services],
    tags: [...rule.tags],
    ...(rule.notBefore === null ? {} : { not_before: new Date(rule.notBefore).toISOString() }),
    ...(rule.expiresAt === null ? {} : { expires_at: new Date(rule.expiresAt).toISOString() }),
  };
}

function describe(issue: z.core.$ZodIssue, at: string): RuleIssue[] {
  if (issue.code !== 'unrecognized_keys') return [{ field: placeOf(at, issue.path), message: issue.message }];
  return issue.keys.map((key) => ({
    field: placeOf(at, [...issue.path, key]),
    message: `is no field of a rule; the fields are ${Object.keys(ruleSchema.shape).join(', ')}`,
  }));
}

function placeOf(at: string, path: readonly PropertyKey[]): string {
  let place = at;
  for (const part of path) {
    if (typeof part === 'number') place += `[${part}]`;
    else place += place === '' ? String(part) : `.${String(part)}`;
  }
  return place === '' ? 'rule' : place;
}

function timeOf(text: string | undefined): number | null {
  return text === undefined ? null : Date.parse(text);
}

function unique<T>(list: readonly T[]): readonly T[] {
  return [...new Set(list)];
}
