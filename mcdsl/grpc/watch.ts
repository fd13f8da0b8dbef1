/** Registers a listener; the returned function removes it. */
export type Subscribe = (listener: () => void) => () => void;

/**
 * The value now, then again after each change until the signal aborts: the body of a `Watch` RPC. A reader that is slower
 * than the changes gets the latest value only, so nothing piles up.
 */
export async function* watchChanges<T>(
  read: () => T,
  subscribe: Subscribe,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  let wake = Promise.withResolvers<void>();
  const onWake = (): void => wake.resolve();
  const stop = subscribe(onWake);
  signal.addEventListener('abort', onWake, { once: true });
  try {
    while (!signal.aborted) {
      yield read();
      await wake.promise;
      wake = Promise.withResolvers<void>();
    }
  } finally {
    stop();
    signal.removeEventListener('abort', onWake);
  }
}
