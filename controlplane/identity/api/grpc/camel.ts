type CamelKey<K> = K extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelKey<Tail>>}` : K;

/** A result of an operation as the generated messages spell it: other names, `undefined` for what is not there. */
export type Camel<T> = T extends null
  ? undefined
  : T extends Date
    ? Date
    : T extends readonly (infer Item)[]
      ? Camel<Item>[]
      : T extends object
        ? { -readonly [K in keyof T as CamelKey<K>]: Camel<T[K]> }
        : T;

export function camel<T>(value: T): Camel<T> {
  // Built key by key as the type says, which the compiler cannot follow.
  return convert(value) as Camel<T>;
}

function convert(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value !== 'object' || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(convert);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
      convert(member),
    ]),
  );
}
