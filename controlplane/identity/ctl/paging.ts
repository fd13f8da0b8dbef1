import type { Page } from '../../../proto/gen/mcias/v1/common.ts';

const pageSize = 500;

/** Every item of a list, page by page. */
export async function everyPage<T>(
  list: (page: Page) => Promise<{ readonly items: readonly T[]; readonly nextCursor: string }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let cursor = ''; ;) {
    const { items, nextCursor } = await list({ limit: pageSize, cursor });
    all.push(...items);
    if (nextCursor === '') return all;
    cursor = nextCursor;
  }
}
