import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openStore, type Store } from '../store/index.ts';

export type TempStore = Disposable & {
  readonly folder: string;
  readonly path: string;
  readonly store: Store;
};

/** A database of its own in a folder of its own, gone when it is disposed. */
export function openTempStore(): TempStore {
  const folder = mkdtempSync(join(tmpdir(), 'mcias-'));
  const path = join(folder, 'mcias.db');
  const store = openStore({ path });
  return {
    folder,
    path,
    store,
    [Symbol.dispose]() {
      store[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
