/** Operations of one call, so that reading the clock weighs nothing. */
export const BATCH = 1000;

/** Where results go, so that no engine may leave the work out. */
export const sink: { value: unknown } = { value: null };

/** A call that does the operation on one input after the other. */
export function batch<T>(inputs: readonly T[], operation: (input: T) => unknown): () => void {
  if (inputs.length === 0) throw new RangeError('a batch needs inputs');
  const all = Array.from({ length: BATCH }, (_, index) => inputs[index % inputs.length] as T);
  return () => {
    for (const input of all) sink.value = operation(input);
  };
}
