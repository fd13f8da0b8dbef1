import { describe, expect, it } from 'vitest';

import { refusalOf } from '../errors.ts';
import { createHashGate, slotsOf } from './hash-gate.ts';

const MiB = 1024 * 1024;
const limits = { memoryCapBytes: 4 * MiB, memoryBytes: 2 * MiB, queue: 3, queueTimeoutMs: 60_000 };

/** Work that ends when it is told to. */
function heldWork() {
  const held: (() => void)[] = [];
  const started: number[] = [];
  let next = 0;
  return {
    started,
    work: () => {
      const id = next++;
      return () => {
        started.push(id);
        return new Promise<number>((resolve) => held.push(() => resolve(id)));
      };
    },
    endFirst: () => held.shift()?.(),
  };
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'ran',
    (error: { code?: string }) => `${error.code}/${refusalOf(error)?.reason}`,
  );

describe('hash gate', () => {
  it.each([
    [256, 64, 4],
    [256, 100, 2],
    [256, 19, 12],
    [4096, 64, 12],
    [64, 64, 1],
  ])('IA-12 a cap of %i MiB with hashes of %i MiB lets %i run at once', (cap, memory, slots) => {
    expect(slotsOf({ memoryCapBytes: cap * MiB, memoryBytes: memory * MiB })).toBe(slots);
  });

  it('IA-12 refuses limits under which nothing could run', () => {
    expect(() => createHashGate({ ...limits, memoryCapBytes: MiB })).toThrow(/memory_cap/);
  });

  it('IA-12 bad input row 15: runs two, lets three wait in their order, and tells the rest busy without starting a hash', async () => {
    const gate = createHashGate(limits);
    const { work, started, endFirst } = heldWork();
    const served = Array.from({ length: 5 }, () => gate.run(work()));
    const flood = Array.from({ length: 995 }, () => codeOf(gate.run(work())));
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['busy/hash_queue_full']));
    expect(started).toEqual([0, 1]);
    expect(gate.stats()).toEqual({ running: 2, slots: 2, waiting: 3, queue: 3, refused: 995 });
    for (const [index, run] of served.entries()) {
      endFirst();
      expect(await run).toBe(index);
    }
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('IA-12 tells busy who waited too long, and never starts that hash', async () => {
    const gate = createHashGate({ ...limits, queueTimeoutMs: 5 });
    const { work, started, endFirst } = heldWork();
    const running = [gate.run(work()), gate.run(work())];
    expect(await codeOf(gate.run(work()))).toBe('busy/hash_queue_full');
    endFirst();
    endFirst();
    await Promise.all(running);
    expect(started).toEqual([0, 1]);
    expect(await codeOf(gate.run(() => Promise.resolve()))).toBe('ran');
  });

  it('IA-61 asks again when the turn has come: who waited behind a failure is refused without a hash', async () => {
    const gate = createHashGate(limits);
    const { work, started, endFirst } = heldWork();
    let locked = false;
    const admit = () => {
      if (locked) throw new Error('locked');
    };
    const running = [gate.run(work(), admit), gate.run(work(), admit)];
    const late = gate.run(work(), admit);
    await new Promise(setImmediate);
    expect(started).toEqual([0, 1]);
    locked = true;
    endFirst();
    await expect(late).rejects.toThrow('locked');
    endFirst();
    await Promise.all(running);
    expect(started).toEqual([0, 1]);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('gives the place back when the work fails', async () => {
    const gate = createHashGate({ ...limits, memoryCapBytes: 2 * MiB });
    for (let n = 0; n < 3; n++) await expect(gate.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(gate.stats()).toMatchObject({ running: 0, slots: 1 });
  });

  it('takes new limits while it runs', async () => {
    const gate = createHashGate(limits);
    const { work, endFirst } = heldWork();
    const runs = [gate.run(work()), gate.run(work()), gate.run(work())];
    gate.setLimits({ ...limits, memoryCapBytes: 2 * MiB, queue: 1 });
    expect(await codeOf(gate.run(work()))).toBe('busy/hash_queue_full');
    endFirst();
    await runs[0];
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 1 });
    endFirst();
    await runs[1];
    endFirst();
    expect(await runs[2]).toBe(2);
  });
});
