import type { TestMcias } from '../../test-support/mcias.ts';

/** The rules and the twelve decisions of the specification's worked examples. */

export const exampleRules = [
  { id: 1, priority: 900, effect: 'allow', roles: ['user'] },
  { id: 2, priority: 900, effect: 'allow', account_types: ['system'] },
  { id: 10, priority: 100, effect: 'deny', roles: ['guest'], tags: ['env:restricted'] },
  { id: 11, priority: 200, effect: 'allow', roles: ['guest'], services: ['mcq'] },
  { id: 12, priority: 150, effect: 'deny', account_types: ['system'], services: ['metacrypt'] },
  { id: 13, priority: 140, effect: 'allow', accounts: ['mcp-agent'], services: ['metacrypt'] },
  { id: 14, priority: 300, effect: 'allow', roles: ['user'], tags: ['team:lab'] },
  { id: 15, priority: 300, effect: 'deny', roles: ['user'], services: ['bench'], tags: ['team:lab', 'env:prod'] },
];

/** Of people, by name. Each is searched for afterwards, wherever it could have been written. */
export const passwords = {
  'ann-user': 'planted-secret-of-ann-5f1d',
  'guy-guest': 'planted-secret-of-guy-77aa',
  'ada-admin': 'planted-secret-of-ada-90c3',
  'dan-disabled': 'planted-secret-of-dan-13be',
  'nia-norole': 'planted-secret-of-nia-e28f',
} as const;

export type Person = keyof typeof passwords;

export type Example = {
  readonly row: number;
  readonly account: string;
  readonly service: string;
  readonly tags: readonly string[];
  readonly expect: 'allow' | 'deny';
  readonly reason: string;
  readonly rule: number | null;
};

const row = (
  number: number,
  [account, service, ...tags]: readonly [string, string, ...string[]],
  expect: Example['expect'],
  reason: string,
  rule: number | null = null,
): Example => ({ row: number, account, service, tags, expect, reason, rule });

export const examples: readonly Example[] = [
  row(1, ['ann-user', 'mcq'], 'allow', 'rule_allow', 1),
  row(2, ['guy-guest', 'mcq'], 'allow', 'rule_allow', 11),
  row(3, ['guy-guest', 'mcq', 'env:restricted', 'team:lab'], 'deny', 'rule_deny', 10),
  row(4, ['guy-guest', 'mcr'], 'deny', 'no_match'),
  row(5, ['mcp-agent', 'metacrypt'], 'allow', 'rule_allow', 13),
  row(6, ['mcq', 'metacrypt'], 'deny', 'rule_deny', 12),
  row(7, ['ann-user', 'bench', 'env:prod', 'team:lab'], 'deny', 'rule_deny', 15),
  row(8, ['ann-user', 'bench', 'team:lab'], 'allow', 'rule_allow', 14),
  row(9, ['ada-admin', 'metacrypt', 'env:restricted'], 'allow', 'admin_bypass'),
  row(10, ['dan-disabled', 'mcq'], 'deny', 'account_disabled'),
  row(11, ['guy-guest', 'mcias'], 'allow', 'self_service'),
  row(12, ['nia-norole', 'mcq'], 'deny', 'no_match'),
];

export function isPerson(name: string): name is Person {
  return Object.hasOwn(passwords, name);
}

/** People, services and rules of the examples, and mcat's own account. */
export async function addExamples(mcias: TestMcias): Promise<void> {
  await mcias.addPerson('ann-user', ['user'], passwords['ann-user']);
  await mcias.addPerson('guy-guest', ['guest'], passwords['guy-guest']);
  await mcias.addPerson('ada-admin', ['admin'], passwords['ada-admin']);
  await mcias.addPerson('dan-disabled', ['user'], passwords['dan-disabled']);
  await mcias.disable('dan-disabled');
  await mcias.addPerson('nia-norole', [], passwords['nia-norole']);
  for (const name of ['mcp-agent', 'mcq', 'mcat']) await mcias.addService(name);
  await mcias.putRules(exampleRules);
}

/** `rule_allow, rule 11`, as pages have it. */
export function shownReason({ reason, rule }: Pick<Example, 'reason' | 'rule'>): string {
  return rule === null ? reason : `${reason}, rule ${rule}`;
}
