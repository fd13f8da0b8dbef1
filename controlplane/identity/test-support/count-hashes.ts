import { createHook } from 'node:async_hooks';

/** Counts the Argon2 hashes that this process starts, by the requests that the runtime makes for them. */
export function countHashes(): Disposable & { count(): number } {
  let started = 0;
  const hook = createHook({
    init(_id, type) {
      if (type === 'ARGON2REQUEST') started++;
    },
  }).enable();
  return { count: () => started, [Symbol.dispose]: () => void hook.disable() };
}
