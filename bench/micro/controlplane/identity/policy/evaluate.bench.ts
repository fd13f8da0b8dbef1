import { test } from 'vitest';
import { compilePolicy, evaluate, type PolicyQuestion } from '../../../../../controlplane/identity/policy/index.ts';
import { human, rule } from '../../../../../controlplane/identity/policy/test/worked-examples.ts';
import { batch } from '../../../batch.ts';

const SERVICES = 50;

/** Rules spread over the services, none of which matches before the last. */
function rulesOf(count: number) {
  return Array.from({ length: count }, (_, index) =>
    rule({
      id: index + 1,
      priority: index + 1,
      effect: 'deny',
      roles: ['guest'],
      services: [`service-${index % SERVICES}`],
      tags: ['env:restricted'],
    }),
  ).concat(rule({ id: count + 1, priority: 60_000, effect: 'allow', roles: ['user'] }));
}

test('a login policy', async ({ bench }) => {
  const now = Date.now();
  const questions = Array.from({ length: SERVICES }, (_, index): PolicyQuestion => ({
    account: human('user'),
    context: { serviceName: `service-${index}`, tags: [] },
    now,
  }));
  for (const count of [10, 1000]) {
    const snapshot = compilePolicy(rulesOf(count), 1);
    await bench(
      `${count} rules over ${SERVICES} services`,
      batch(questions, (question) => evaluate(snapshot, question, 'enforce')),
    ).run();
  }
});
