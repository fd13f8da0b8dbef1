import { randomUUID } from 'node:crypto';

import type { Store } from '../store/index.ts';

/** An account for tests of rooms below accounts/: the row alone. Returns its id. */
export function addAccount(store: Store, name: string, type: 'human' | 'system' = 'human'): string {
  const id = randomUUID();
  store.change((writer) =>
    writer.run("INSERT INTO accounts (id, name, type, status, created_at) VALUES (?, ?, ?, 'enabled', 1)", [
      id,
      name,
      type,
    ]),
  );
  return id;
}
