import { stringify } from 'smol-toml';
import { z } from 'zod';

import { commandErrors } from '../../../mcdsl/command/errors.ts';
import { defineConfig, formatProblems, loadConfigText } from '../../../mcdsl/config/index.ts';
import type { PolicyRule } from '../../../proto/gen/mcias/v1/policy.ts';

const words = () => z.array(z.string()).default([]);

/** The shape of a rule; mcias judges what stands in it. An unknown key is refused here, where its line is known. */
const rule = z.strictObject({
  id: z.int().min(1).optional(),
  priority: z.int().min(1).max(65_535),
  effect: z.enum(['allow', 'deny']),
  enabled: z.boolean().default(true),
  description: z.string().default(''),
  roles: words(),
  account_types: words(),
  accounts: words(),
  services: words(),
  tags: words(),
  not_before: z.iso.datetime().optional(),
  expires_at: z.iso.datetime().optional(),
});

const set = defineConfig({
  service: 'mcias-policy',
  schema: z.strictObject({ revision: z.int().min(0).optional(), rules: z.array(rule) }),
});
const one = defineConfig({ service: 'mcias-policy', schema: rule });

/** @throws config_invalid whose message shows every problem with its line */
export function parseRules(text: string, file: string): readonly PolicyRule[] {
  const loaded = loadConfigText(set, { file, text });
  if (!loaded.ok) throw commandErrors.error('config_invalid', formatProblems(loaded.problems).trimEnd());
  return loaded.config.rules.map((parsed) => messageOf(parsed));
}

/** @throws config_invalid */
export function parseOneRule(text: string, file: string): PolicyRule {
  const loaded = loadConfigText(one, { file, text });
  if (loaded.ok) return messageOf(loaded.config);
  throw commandErrors.error('config_invalid', formatProblems(loaded.problems).trimEnd());
}

/** The file that reads back as the same set. Empty conditions are left out: they say nothing. */
export function formatRules(rules: readonly PolicyRule[], revision: number): string {
  return stringify({ revision, rules: rules.map(tableOf) }).trimEnd() + '\n';
}

type ParsedRule = Parameters<typeof messageOf>[0];

function messageOf(parsed: {
  readonly [Name in keyof z.output<typeof rule>]: z.output<typeof rule>[Name] extends string[]
    ? readonly string[]
    : z.output<typeof rule>[Name];
}): PolicyRule {
  const { id = 0, account_types, not_before, expires_at, ...rest } = parsed;
  return {
    id,
    priority: rest.priority,
    effect: rest.effect,
    enabled: rest.enabled,
    description: rest.description,
    roles: [...rest.roles],
    accountTypes: [...account_types],
    accounts: [...rest.accounts],
    services: [...rest.services],
    tags: [...rest.tags],
    notBefore: timeOf(not_before),
    expiresAt: timeOf(expires_at),
  };
}

function timeOf(text: ParsedRule['not_before']): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}

function tableOf({ accountTypes, notBefore, expiresAt, ...rule }: PolicyRule): Record<string, unknown> {
  const { id, priority, effect, enabled, description, ...lists } = rule;
  const wanted = {
    id,
    priority,
    effect,
    enabled,
    description,
    ...lists,
    account_types: accountTypes,
    not_before: notBefore?.toISOString(),
    expires_at: expiresAt?.toISOString(),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0),
    ),
  );
}
