import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openStore } from '../store/index.ts';
import { createTestClock } from '../test-support/clock.ts';
import { openTempStore, type TempStore } from '../test-support/temp-store.ts';
import { createSoftLocks } from './index.ts';

let temp: TempStore;
beforeEach(() => {
  temp = openTempStore();
});
afterEach(() => temp[Symbol.dispose]());

describe('soft locks', () => {
  it('IA-61 survive a restart, for names known or not', () => {
    const clock = createTestClock();
    const locks = createSoftLocks();
    for (let n = 0; n < 9; n++) temp.store.change((w) => locks.fail(w, 'nobody', clock.now()));
    using again = openStore({ path: temp.path });
    const later = createSoftLocks();
    expect(later.check(again.reader, 'nobody', clock.now())).toMatchObject({ kind: 'locked', retryAfterMs: 5_000 });
    clock.advance(5_000);
    expect(later.check(again.reader, 'nobody', clock.now())).toEqual({ kind: 'open' });
    expect(later.check(again.reader, 'somebody', clock.now())).toEqual({ kind: 'open' });
    expect(again.change((w) => later.reset(w, 'nobody'))).toBe(true);
    expect(again.change((w) => later.fail(w, 'nobody', clock.now()))).toMatchObject({ failures: 1 });
  });

  it('IA-61 a check writes nothing', () => {
    const locks = createSoftLocks();
    expect(locks.check(temp.store.reader, 'op1', 1)).toEqual({ kind: 'open' });
    expect(locks.stats(temp.store.reader).rows).toBe(0);
    expect(temp.store.change((w) => locks.reset(w, 'op1'))).toBe(false);
  });

  it('IA-65 hold a bounded number of rows: the oldest that is not locked leaves, a locked one stays', () => {
    const clock = createTestClock();
    const locks = createSoftLocks(10);
    temp.store.change((w) => {
      for (let n = 0; n < 100; n++) locks.fail(w, 'victim', clock.now());
      for (let n = 0; n < 50; n++) {
        locks.fail(w, `name-${n}`, clock.now());
        clock.advance(2_000);
      }
    });
    expect(locks.stats(temp.store.reader)).toEqual({ rows: 10, capacity: 10, evictions: 41 });
    expect(locks.check(temp.store.reader, 'victim', clock.now())).toMatchObject({ kind: 'locked', failures: 100 });
    const names = temp.store.reader.all<{ key: string }>('SELECT key FROM throttle ORDER BY locked_until');
    expect(names.map(({ key }) => key).slice(0, 2)).toEqual(['name-41', 'name-42']);
  });

  it('IA-65 forget what is of past days before anything else', () => {
    const clock = createTestClock();
    const locks = createSoftLocks(2);
    temp.store.change((w) => {
      locks.fail(w, 'a', clock.now());
      locks.fail(w, 'b', clock.now());
    });
    clock.advance(86_400_000);
    temp.store.change((w) => locks.fail(w, 'c', clock.now()));
    expect(locks.stats(temp.store.reader)).toEqual({ rows: 1, capacity: 2, evictions: 0 });
  });
});
