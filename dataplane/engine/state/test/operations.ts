import * as fc from 'fast-check';
import { AGENTS, HOSTS, LISTENERS, RULES, type Operation } from './model.ts';

// Weighted towards one listener and l7, so that operations meet on the same route.
const listener = fc.constantFrom(...LISTENERS, 'a' as const, 'a' as const);
const host = fc.constantFrom(...HOSTS);
const agent = fc.constantFrom(...AGENTS);
const value = fc.constantFrom(...RULES);
const mode = fc.constantFrom('l4' as const, 'l7' as const, 'l7' as const);
const port = fc.integer({ min: 1, max: 2 });
const route = { listener, host, mode, port };

export const file = fc.record({
  withB: fc.boolean(),
  routes: fc.array(fc.record(route), { maxLength: 4 }),
  rules: fc.uniqueArray(value, { maxLength: 2 }),
  limit: fc.integer({ min: 0, max: 3 }),
});

/** Everything that can happen to a state over its life. */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('add_route' as const), ...route }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove_route' as const), listener, host }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('add_rule' as const, 'remove_rule' as const), value }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('set_limit' as const), limit: fc.integer({ min: -1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset_limit' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('add_policy' as const, 'remove_policy' as const),
      listener,
      host,
      agent,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('reload' as const, 'restart' as const), file }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
);

/** What the API alone does. */
export const apiOperation = operation.filter(({ kind }) => !['reload', 'restart', 'crash'].includes(kind));
