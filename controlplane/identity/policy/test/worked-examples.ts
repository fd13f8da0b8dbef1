import type { Decision, PolicyAccount, PolicyRule } from '../model.ts';

/** The rules and the twelve decisions of the specification's worked examples. */

const blank = {
  enabled: true,
  description: '',
  roles: [],
  accountTypes: [],
  accounts: [],
  services: [],
  tags: [],
  notBefore: null,
  expiresAt: null,
} as const;

export function rule(fields: Pick<PolicyRule, 'id' | 'priority' | 'effect'> & Partial<PolicyRule>): PolicyRule {
  return { ...blank, ...fields };
}

const agent = '00000000-0000-4000-8000-0000000000a1';

export const exampleRules: readonly PolicyRule[] = [
  rule({ id: 1, priority: 900, effect: 'allow', roles: ['user'] }),
  rule({ id: 2, priority: 900, effect: 'allow', accountTypes: ['system'] }),
  rule({ id: 10, priority: 100, effect: 'deny', roles: ['guest'], tags: ['env:restricted'] }),
  rule({ id: 11, priority: 200, effect: 'allow', roles: ['guest'], services: ['mcq'] }),
  rule({ id: 12, priority: 150, effect: 'deny', accountTypes: ['system'], services: ['metacrypt'] }),
  rule({ id: 13, priority: 140, effect: 'allow', accounts: [agent], services: ['metacrypt'] }),
  rule({ id: 14, priority: 300, effect: 'allow', roles: ['user'], tags: ['team:lab'] }),
  rule({ id: 15, priority: 300, effect: 'deny', roles: ['user'], services: ['bench'], tags: ['team:lab', 'env:prod'] }),
];

export function human(...roles: PolicyAccount['roles']): PolicyAccount {
  return { id: '00000000-0000-4000-8000-000000000001', type: 'human', roles, status: 'enabled' };
}

export function system(id: string): PolicyAccount {
  return { id, type: 'system', roles: [], status: 'enabled' };
}

type Example = {
  readonly row: number;
  readonly who: string;
  readonly account: PolicyAccount;
  readonly service: string;
  readonly tags: readonly string[];
  readonly decision: Decision;
};

const byRule = (effect: Decision['effect'], ruleId: number, priority: number): Decision =>
  effect === 'deny'
    ? { effect, reason: 'rule_deny', ruleId, priority }
    : { effect, reason: 'rule_allow', ruleId, priority };
const without = (effect: Decision['effect'], reason: Decision['reason']): Decision =>
  ({ effect, reason, ruleId: null, priority: null }) as Decision;

const mcq = '00000000-0000-4000-8000-0000000000a2';

export const examples: readonly Example[] = [
  { row: 1, who: 'user', account: human('user'), service: 'mcq', tags: [], decision: byRule('allow', 1, 900) },
  { row: 2, who: 'guest', account: human('guest'), service: 'mcq', tags: [], decision: byRule('allow', 11, 200) },
  {
    row: 3,
    who: 'guest',
    account: human('guest'),
    service: 'mcq',
    tags: ['env:restricted', 'team:lab'],
    decision: byRule('deny', 10, 100),
  },
  { row: 4, who: 'guest', account: human('guest'), service: 'mcr', tags: [], decision: without('deny', 'no_match') },
  {
    row: 5,
    who: 'mcp-agent',
    account: system(agent),
    service: 'metacrypt',
    tags: [],
    decision: byRule('allow', 13, 140),
  },
  { row: 6, who: 'mcq', account: system(mcq), service: 'metacrypt', tags: [], decision: byRule('deny', 12, 150) },
  {
    row: 7,
    who: 'user',
    account: human('user'),
    service: 'bench',
    tags: ['env:prod', 'team:lab'],
    decision: byRule('deny', 15, 300),
  },
  {
    row: 8,
    who: 'user',
    account: human('user'),
    service: 'bench',
    tags: ['team:lab'],
    decision: byRule('allow', 14, 300),
  },
  {
    row: 9,
    who: 'admin',
    account: human('admin'),
    service: 'metacrypt',
    tags: ['env:restricted'],
    decision: without('allow', 'admin_bypass'),
  },
  {
    row: 10,
    who: 'disabled user',
    account: { ...human('user'), status: 'disabled' },
    service: 'mcq',
    tags: [],
    decision: without('deny', 'account_disabled'),
  },
  {
    row: 11,
    who: 'guest',
    account: human('guest'),
    service: 'mcias',
    tags: [],
    decision: without('allow', 'self_service'),
  },
  { row: 12, who: 'no role', account: human(), service: 'mcq', tags: [], decision: without('deny', 'no_match') },
];
