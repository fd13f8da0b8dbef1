import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePemDir, type PemDir } from '../../certificates/test/pem-dir.ts';
import { makeHarness, type Harness } from '../test/harness.ts';
import { HOSTS, Model, viewOf, type Operation } from '../test/model.ts';
import { apiOperation, file } from '../test/operations.ts';

let dir: PemDir;
let pair: { tlsCert: string; tlsKey: string };
beforeAll(async () => {
  dir = await makePemDir();
  pair = await dir.pair('all', [...HOSTS]);
});
afterAll(() => dir[Symbol.dispose]());

const operations = fc.array(apiOperation, { maxLength: 15, size: 'max' });

async function reach(harness: Harness, model: Model, steps: readonly Operation[]): Promise<void> {
  for (const step of steps) await model.both(harness, step);
}

function expectInSync(harness: Harness): void {
  const { worker, fresh } = harness.inSync();
  expect(worker).toEqual(fresh);
}

describe('change sets', () => {
  it('PX-18 lead from any state to any other as one change, and unconfirmed all the way back, also over a restart', async () => {
    await fc.assert(
      fc.asyncProperty(file, operations, operations, fc.boolean(), async (ofFile, toHere, toThere, restarts) => {
        const [model, other] = [new Model(ofFile, pair), new Model(ofFile, pair)];
        await using harness = makeHarness(model.text());
        await using there = makeHarness(model.text());
        await reach(harness, model, toHere);
        await reach(there, other, toThere);
        const [before, wanted] = [harness.state.export().toml, there.state.export().toml];
        const publications = harness.published.length;

        const input = { file: 'there.toml', text: wanted, dryRun: false, confirmWithinMs: 3_600_000 };
        const dry = await harness.state.apply({ ...input, dryRun: true });
        expect(viewOf(harness)).toEqual(model.view());
        const applied = await harness.state.apply(input);
        expect(applied).toMatchObject({ differences: dry.differences, total: dry.total, changed: dry.total > 0 });
        expect(harness.published.length - publications).toBeLessThanOrEqual(1);
        expect(viewOf(harness)).toEqual(other.view());
        expect((await harness.state.apply({ ...input, dryRun: true })).total).toBe(0);
        expectInSync(harness);
        if (!applied.changed) return;

        if (restarts) await harness.restart();
        expect(viewOf(harness)).toEqual(other.view());
        harness.passTime(3_600_000);
        await harness.restart();
        expect(viewOf(harness)).toEqual(model.view());
        expect(harness.state.export().toml).toBe(before);
        expect(harness.state.unconfirmed()).toBeNull();
        expectInSync(harness);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
