import { describe, expect, it } from 'vitest';
import { createSetLocks } from './set-locks.ts';

function words(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(16));
}

describe('set locks', () => {
  it('PX-12 a thread that died holding a lock stops nobody for good', () => {
    const shared = words();
    createSetLocks(shared, 1, () => undefined).acquire(2);
    let broken = 0;
    const survivor = createSetLocks(shared, 2, () => broken++);
    const token = survivor.acquire(2);
    expect(broken).toBe(1);
    survivor.release(2, token);
    expect([...shared]).toEqual([0, 0, 0, 0]);
  });

  it('PX-12 a holder whose lock was broken does not release the lock of another', () => {
    const shared = words();
    const slow = createSetLocks(shared, 1, () => undefined);
    const slowToken = slow.acquire(0);
    const other = createSetLocks(shared, 2, () => undefined);
    const otherToken = other.acquire(0);
    slow.release(0, slowToken);
    expect(shared[0]).toBe(otherToken);
    other.release(0, otherToken);
    expect(shared[0]).toBe(0);
  });

  it('locks are independent, and tokens never repeat nor are zero', () => {
    const shared = words();
    const locks = createSetLocks(shared, 0, () => undefined);
    const first = locks.acquire(0);
    const second = locks.acquire(1);
    expect(first).not.toBe(0);
    expect(second).not.toBe(first);
    locks.release(0, first);
    expect(shared[1]).toBe(second);
  });
});
