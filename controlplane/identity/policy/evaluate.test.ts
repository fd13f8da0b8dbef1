import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compilePolicy } from './compile.ts';
import { evaluate, type EvaluationMode } from './evaluate.ts';
import {
  accountTypes,
  policyReasons,
  roles,
  type PolicyAccount,
  type PolicyContext,
  type PolicyRule,
} from './model.ts';
import { naiveDecision } from './test/naive-model.ts';
import { exampleRules, examples, human, rule, system } from './test/worked-examples.ts';

const now = Date.UTC(2026, 0, 5);

function decide(rules: readonly PolicyRule[], account: PolicyAccount, context: PolicyContext, mode: EvaluationMode) {
  return evaluate(compilePolicy(rules, 1), { account, context, now }, mode);
}

const context = (serviceName: string, ...tags: string[]): PolicyContext => ({ serviceName, tags });

describe('worked examples', () => {
  it.each(examples)('IA-28 row $row: $who at $service $tags is $decision.effect, $decision.reason', (example) => {
    const { account, service, tags, decision } = example;
    for (const mode of ['enforce', 'explain'] as const) {
      expect(decide(exampleRules, account, { serviceName: service, tags }, mode).decision).toEqual(decision);
    }
  });

  it('IA-3 an admin bypasses policy, and explain says what the rules alone would have said', () => {
    const explained = decide(exampleRules, human('admin'), context('metacrypt', 'env:restricted'), 'explain');
    expect(explained.wouldMatch).toEqual({ effect: 'deny', reason: 'no_match', ruleId: null, priority: null });
    expect(explained.trace).toHaveLength(exampleRules.length);
  });

  it('IA-28 keeps guests from everything tagged env:restricted by one rule, whatever the service', () => {
    const guests = [exampleRules[2]!, rule({ id: 90, priority: 500, effect: 'allow', roles: ['guest'] })];
    for (const service of ['mcq', 'mcr', 'a-service-of-tomorrow']) {
      expect(decide(guests, human('guest'), context(service), 'enforce').decision.effect).toBe('allow');
      expect(decide(guests, human('guest'), context(service, 'env:restricted'), 'enforce').decision).toMatchObject({
        effect: 'deny',
        ruleId: 10,
      });
    }
  });

  it('IA-4 a user without a matching rule is denied', () => {
    expect(decide([], human('user'), context('mcq'), 'enforce').decision).toMatchObject({ reason: 'no_match' });
  });

  it('IA-29 leaving out tags at login gains nothing: the context of the validating service is judged again', () => {
    const snapshot = compilePolicy(exampleRules, 1);
    const atLogin = evaluate(snapshot, { account: human('guest'), context: context('mcq'), now }, 'enforce');
    const tagged = { account: human('guest'), context: context('mcq', 'env:restricted'), now };
    expect(atLogin.decision.effect).toBe('allow');
    expect(evaluate(snapshot, tagged, 'enforce').decision).toMatchObject({ effect: 'deny', ruleId: 10 });
  });

  it('IA-30 at equal priority deny wins, also over an allow of a lower id; among equals the lowest id is named', () => {
    const rules = [
      rule({ id: 1, priority: 5, effect: 'allow' }),
      rule({ id: 3, priority: 5, effect: 'deny' }),
      rule({ id: 4, priority: 5, effect: 'deny' }),
      rule({ id: 2, priority: 6, effect: 'deny' }),
    ];
    expect(decide(rules, human('user'), context('mcq'), 'enforce').decision).toMatchObject({ ruleId: 3 });
    const allows = [rule({ id: 8, priority: 5, effect: 'allow' }), rule({ id: 7, priority: 5, effect: 'allow' })];
    expect(decide(allows, human('user'), context('mcq'), 'enforce').decision).toMatchObject({ ruleId: 7 });
  });

  it('takes a rule from not_before on and up to, not at, expires_at', () => {
    const rules = [rule({ id: 1, priority: 1, effect: 'allow', notBefore: now, expiresAt: now + 10 })];
    const at = (time: number) =>
      evaluate(compilePolicy(rules, 1), { account: human('user'), context: context('mcq'), now: time }, 'explain');
    expect([now - 1, now, now + 9, now + 10].map((time) => at(time).decision.effect)).toEqual([
      'deny',
      'allow',
      'allow',
      'deny',
    ]);
    expect(at(now + 10).trace[0]).toMatchObject({ matched: false, conditions: { window: 'fails', roles: 'empty' } });
  });
});

describe('explain', () => {
  it('IA-32 names the outcome of each condition of each rule in the order of evaluation', () => {
    const { trace } = decide(exampleRules, human('guest'), context('mcq', 'env:restricted'), 'explain');
    expect(trace.map(({ ruleId }) => ruleId)).toEqual([10, 13, 12, 11, 14, 15, 1, 2]);
    expect(trace[0]).toEqual({
      ruleId: 10,
      priority: 100,
      effect: 'deny',
      matched: true,
      conditions: {
        window: 'empty',
        roles: 'holds',
        account_types: 'empty',
        accounts: 'empty',
        services: 'empty',
        tags: 'holds',
      },
    });
    expect(trace[1]).toMatchObject({ matched: false, conditions: { accounts: 'fails', services: 'fails' } });
    expect(trace[3]).toMatchObject({ matched: true, conditions: { roles: 'holds', services: 'holds' } });
  });

  it('asks about a supposed account without an id: a rule about named accounts does not hold for it', () => {
    const supposed: PolicyAccount = { ...system(''), id: null };
    expect(decide(exampleRules, supposed, context('metacrypt'), 'explain').decision).toMatchObject({ ruleId: 12 });
  });
});

describe('against the naive model', () => {
  const services = ['mcq', 'mcr', 'bench', 'mcias'];
  const tags = ['env:prod', 'team:lab', 'x'];
  const ids = ['a', 'b'];
  const anyRule: fc.Arbitrary<PolicyRule> = fc.record({
    id: fc.integer({ min: 1, max: 40 }),
    priority: fc.integer({ min: 1, max: 4 }),
    effect: fc.constantFrom('allow', 'deny'),
    enabled: fc.boolean(),
    description: fc.constant(''),
    roles: fc.subarray([...roles]),
    accountTypes: fc.subarray([...accountTypes]),
    accounts: fc.subarray(ids),
    services: fc.subarray(services),
    tags: fc.subarray(tags),
    notBefore: fc.option(fc.integer({ min: now - 2, max: now + 2 })),
    expiresAt: fc.option(fc.integer({ min: now - 2, max: now + 2 })),
  });
  const anyRules = fc.uniqueArray(anyRule, { selector: (r) => r.id, maxLength: 14 });
  const anyAccount: fc.Arbitrary<PolicyAccount> = fc.record({
    id: fc.option(fc.constantFrom(...ids, 'c')),
    type: fc.constantFrom(...accountTypes),
    roles: fc.subarray([...roles]),
    status: fc.constantFrom('enabled', 'enabled', 'enabled', 'disabled', 'deleted'),
  });
  const anyContext = fc.record({ serviceName: fc.constantFrom(...services), tags: fc.subarray(tags) });

  it('IA-32 decides as the model does, and explain as enforcement', () => {
    fc.assert(
      fc.property(anyRules, anyAccount, anyContext, (rules, account, context) => {
        const enforced = decide(rules, account, context, 'enforce');
        const explained = decide(rules, account, context, 'explain');
        expect(enforced.decision).toEqual(naiveDecision(rules, account, context, now));
        expect(explained.decision).toEqual(enforced.decision);
        expect(policyReasons).toContain(enforced.decision.reason);
        expect(enforced.trace).toEqual([]);
        for (const { matched, conditions } of explained.trace) {
          expect(matched).toBe(!Object.values(conditions).includes('fails'));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('IA-3 what explain says an admin would have met is what the rules say to the same account without the bypass', () => {
    fc.assert(
      fc.property(anyRules, anyAccount, anyContext, (rules, account, context) => {
        fc.pre(account.status === 'enabled' && context.serviceName !== 'mcias' && account.roles.includes('admin'));
        const withoutAdminRules = rules.map((r) => ({ ...r, roles: r.roles.filter((role) => role !== 'admin') }));
        fc.pre(withoutAdminRules.every((r, index) => r.roles.length === rules[index]!.roles.length));
        const plain = { ...account, roles: account.roles.filter((role) => role !== 'admin') };
        const explained = decide(rules, account, context, 'explain');
        expect(explained.wouldMatch).toEqual(naiveDecision(rules, plain, context, now));
      }),
    );
  });

  it('IA-28 the order of rules does not matter', () => {
    fc.assert(
      fc.property(anyRules, anyAccount, anyContext, fc.infiniteStream(fc.nat()), (rules, account, context, random) => {
        const shuffled = rules
          .map((r) => ({ r, at: random.next().value as number }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ r }) => r);
        expect(decide(shuffled, account, context, 'explain')).toEqual(decide(rules, account, context, 'explain'));
      }),
    );
  });

  it('IA-30 adding a deny never turns a deny into an allow', () => {
    fc.assert(
      fc.property(anyRules, anyRule, anyAccount, anyContext, (rules, extra, account, context) => {
        const more = [...rules, { ...extra, id: 1_000, effect: 'deny' as const }];
        fc.pre(decide(rules, account, context, 'enforce').decision.effect === 'deny');
        expect(decide(more, account, context, 'enforce').decision.effect).toBe('deny');
      }),
    );
  });

  it('a disabled rule equals an absent one, in the trace too', () => {
    fc.assert(
      fc.property(anyRules, anyAccount, anyContext, (rules, account, context) => {
        const present = rules.filter((r) => r.enabled);
        expect(decide(rules, account, context, 'explain')).toEqual(decide(present, account, context, 'explain'));
      }),
    );
  });
});

describe('cost', () => {
  it('1000 rules over 50 services leave 20 to look at for one of them', () => {
    const many = Array.from({ length: 1_000 }, (_, index) =>
      rule({ id: index + 1, priority: 1 + (index % 900), effect: 'allow', services: [`service-${index % 50}`] }),
    );
    const snapshot = compilePolicy(many, 1);
    expect(snapshot.anyService).toHaveLength(0);
    expect(snapshot.byService.get('service-7')).toHaveLength(20);
    expect([...snapshot.byService.values()].flat()).toHaveLength(1_000);
  });
});

describe('snapshot', () => {
  it('IA-31 cannot be changed, and later changes of what it was made from do not reach it', () => {
    const rules = [rule({ id: 1, priority: 1, effect: 'allow' })];
    const snapshot = compilePolicy(rules, 7);
    rules.push(rule({ id: 2, priority: 1, effect: 'deny' }));
    const question = { account: human('user'), context: context('mcq'), now };
    expect(evaluate(snapshot, question, 'enforce').decision.effect).toBe('allow');
    expect(snapshot.revision).toBe(7);
    expect(Object.isFrozen(snapshot) && Object.isFrozen(snapshot.ordered) && Object.isFrozen(snapshot.rules)).toBe(
      true,
    );
  });
});
