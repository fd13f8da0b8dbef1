/** One page of a list, in the list's own order. */
export type PageRequest = {
  /** 1–500. */
  readonly limit: number;
  /** `nextCursor` of the page before; null for the first one. */
  readonly cursor: string | null;
};

export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };

export const maxPageLimit = 500;

/** @param rows one more than the limit where there are more */
export function toPage<Row, T>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => string,
  toItem: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(toItem),
    nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null,
  };
}
