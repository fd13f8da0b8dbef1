import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { makePemDir, type PemDir } from '../certificates/test/pem-dir.ts';
import { makeHarness } from './test/harness.ts';
import { AGENTS, HOSTS, LISTENERS, Model, RULES, viewOf, type Operation } from './test/model.ts';

let dir: PemDir;
let pair: { tlsCert: string; tlsKey: string };
beforeAll(async () => {
  dir = await makePemDir();
  pair = await dir.pair('all', [...HOSTS]);
});
afterAll(() => dir[Symbol.dispose]());

// Weighted towards one listener and l7, so that operations meet on the same route.
const listener = fc.constantFrom(...LISTENERS, 'a' as const, 'a' as const);
const host = fc.constantFrom(...HOSTS);
const agent = fc.constantFrom(...AGENTS);
const value = fc.constantFrom(...RULES);
const mode = fc.constantFrom('l4' as const, 'l7' as const, 'l7' as const);
const port = fc.integer({ min: 1, max: 2 });
const route = { listener, host, mode, port };

const file = fc.record({
  withB: fc.boolean(),
  routes: fc.array(fc.record(route), { maxLength: 4 }),
  rules: fc.uniqueArray(value, { maxLength: 2 }),
  limit: fc.integer({ min: 0, max: 3 }),
});

const operation: fc.Arbitrary<Operation> = fc.oneof(
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

describe('the state over its life', () => {
  it('PX-15 PX-16 equals a simple model after any operations, restarts and new files, and so do its workers', async () => {
    await fc.assert(
      fc.asyncProperty(file, fc.array(operation, { maxLength: 60, size: 'max' }), async (first, operations) => {
        const model = new Model(first, pair);
        await using harness = makeHarness(model.text());
        for (const next of operations) {
          const { expected, actual } = await model.both(harness, next);
          expect(actual).toBe(expected);
          expect(viewOf(harness)).toEqual(model.view());
          const { worker, fresh } = harness.inSync();
          expect(worker).toEqual(fresh);
        }
        await harness.restart(model.text());
        expect(viewOf(harness)).toEqual(model.view());
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
