import type { ConfigPath } from './types.ts';

/** A table of the parsed document. Keys are the operator's, so only own ones count (`__proto__` is a key like any other). */
export type Table = Record<string, unknown>;

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

export function getAt(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined;
    else value = isTable(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** Sets a key and makes the tables on the way; false where something else than a table is in the way. */
export function setAt(root: Table, path: readonly string[], value: unknown): boolean {
  let table = root;
  for (const step of path.slice(0, -1)) {
    if (!Object.hasOwn(table, step)) table[step] = Object.create(null);
    const next = table[step];
    if (!isTable(next)) return false;
    table = next;
  }
  const last = path.at(-1);
  if (last !== undefined) table[last] = value;
  return last !== undefined;
}

/** A copy whose tables and arrays may be changed. */
export function copyTree<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyTree) as T;
  if (!isTable(value)) return value;
  const copy: Table = Object.create(null) as Table;
  for (const key of Object.keys(value)) {
    Object.defineProperty(copy, key, {
      value: copyTree(value[key]),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy as T;
}

export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
}
