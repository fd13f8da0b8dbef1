import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { compilePolicy, type PolicyContext, type PolicyRule } from '../policy/index.ts';
import { rule } from '../policy/test/worked-examples.ts';
import { requireAdmission } from './admission.ts';
import type { Verified } from './index.ts';
import { from, type LoginFixture, openLoginFixture, outcomeOf, password } from './test/login-fixture.ts';

let fixture: LoginFixture;
beforeEach(async () => {
  fixture = await openLoginFixture();
  const ann = await fixture.addPerson('ann');
  fixture.store.change((w) =>
    w.run("INSERT INTO account_roles (account_id, role, granted_by, created_at) VALUES (?, 'user', 'test', 1)", [ann]),
  );
});
afterEach(() => fixture[Symbol.dispose]());

const context = (serviceName: string): PolicyContext => ({ serviceName, tags: [] });
const rules: readonly PolicyRule[] = [
  rule({ id: 1, priority: 10, effect: 'allow', roles: ['user'], services: ['mcq', 'mcr'] }),
  rule({ id: 2, priority: 5, effect: 'deny', services: ['metacrypt'] }),
];

/** A login with one service after another as its audience. */
async function enter(given: string, first: string, ...others: string[]) {
  const step = await fixture.login.password({ username: 'ann', password: given, secondFactor: null }, from);
  const contexts: [PolicyContext, ...PolicyContext[]] = [context(first), ...others.map(context)];
  return requireAdmission(compilePolicy(rules, 1), step as Verified, contexts, fixture.clock.now());
}

describe('admission', () => {
  it('IA-33 policy_denied is answered only after the credentials verified', async () => {
    expect(await outcomeOf(enter('wrong', 'metacrypt'))).toBe('invalid_credentials wrong_password');
    fixture.clock.advance(1_000);
    expect(await outcomeOf(enter(password, 'metacrypt'))).toBe('policy_denied rule_deny');
    expect(await outcomeOf(enter(password, 'bench'))).toBe('policy_denied no_match');
    expect(await enter(password, 'mcq')).toEqual({ effect: 'allow', reason: 'rule_allow', ruleId: 1, priority: 10 });
  });

  it('IA-36 every service of the audience must be allowed, and the answer names the one that is not', async () => {
    expect(await enter(password, 'mcq', 'mcr')).toMatchObject({ ruleId: 1 });
    const denied = await enter(password, 'mcq', 'mcr', 'metacrypt').catch((error: unknown) => error);
    expect(denied).toMatchObject({
      code: 'policy_denied',
      details: { service: 'metacrypt', reason: 'rule_deny', rule_id: 2 },
    });
  });

  it('IA-32 mcias itself is open to everybody with an account', async () => {
    expect(await enter(password, 'mcias')).toMatchObject({ effect: 'allow', reason: 'self_service' });
  });
});
