import type { Migration } from '../../../mcdsl/database/index.ts';

/** The schema of mc-proxy.db. It holds what the API changed; the configuration file is the truth for everything else. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'routes, firewall and policies of the API',
    up: `
      CREATE TABLE generation (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        value INTEGER NOT NULL CHECK (value >= 0)
      ) STRICT;
      INSERT INTO generation (id, value) VALUES (1, 0);

      CREATE TABLE routes (
        listener TEXT NOT NULL,
        hostname TEXT NOT NULL,
        spec TEXT NOT NULL CHECK (json_valid(spec)),
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        PRIMARY KEY (listener, hostname)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE firewall_rules (
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (kind, value)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE rate_limit (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        max_connections INTEGER NOT NULL,
        window_ms INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
      ) STRICT;

      CREATE TABLE policies (
        listener TEXT NOT NULL,
        hostname TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (listener, hostname, kind, value)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    version: 2,
    name: 'a change that waits for its confirmation',
    up: `
      CREATE TABLE pending_revert (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        -- The generation that the change led to.
        generation INTEGER NOT NULL,
        -- Milliseconds since the epoch.
        deadline INTEGER NOT NULL,
        within_ms INTEGER NOT NULL CHECK (within_ms > 0),
        -- The changes that bring the state before it back.
        undo TEXT NOT NULL CHECK (json_valid(undo))
      ) STRICT;
    `,
  },
];
