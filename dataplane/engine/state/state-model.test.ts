import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { makePemDir, type PemDir } from '../certificates/test/pem-dir.ts';
import { makeHarness } from './test/harness.ts';
import { HOSTS, Model, viewOf } from './test/model.ts';
import { file, operation } from './test/operations.ts';

let dir: PemDir;
let pair: { tlsCert: string; tlsKey: string };
beforeAll(async () => {
  dir = await makePemDir();
  pair = await dir.pair('all', [...HOSTS]);
});
afterAll(() => dir[Symbol.dispose]());

describe('the state over its life', () => {
  it('PX-15 PX-16 PX-18 equals a simple model after any operations, restarts and new files, and its export changes nothing', async () => {
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
          const { toml } = harness.state.export();
          const again = { file: 'export.toml', text: toml, dryRun: true, confirmWithinMs: 0 };
          expect(await harness.state.apply(again)).toMatchObject({ differences: [], total: 0, changed: false });
        }
        await harness.restart(model.text());
        expect(viewOf(harness)).toEqual(model.view());
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
