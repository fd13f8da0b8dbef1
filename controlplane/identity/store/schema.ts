/**
 * The schema of mcias.db, in the order of its foreign keys. Times are milliseconds since the epoch; `h_*` is a SHA-256, `s_*` is
 * sealed under the master key (`keys/seal.ts`) with table, column and row id as additional data, so a stolen file holds no
 * credential and a ciphertext that was moved does not open.
 */
export const accountTables = `
  CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Values that are sealed themselves: the key of HMACs, which must outlive a rotation of the master key.
  CREATE TABLE sealed_meta (
    key TEXT PRIMARY KEY,
    s_value BLOB NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name GLOB '[a-z]*' AND length(name) BETWEEN 2 AND 32),
    type TEXT NOT NULL CHECK (type IN ('human', 'system')),
    -- A deleted account keeps its row: its name must never come to somebody else, and the audit log names its id.
    status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled', 'deleted')),
    display_name TEXT NOT NULL DEFAULT '',
    email TEXT NOT NULL DEFAULT '',
    email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
    groups TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(groups)),
    must_change INTEGER NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1)),
    -- Tokens issued before are void.
    tokens_not_before INTEGER NOT NULL DEFAULT 0,
    last_login_at INTEGER,
    revision INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Names that renamed accounts had: services authorize by name, so a name never changes hands.
  CREATE TABLE former_names (
    name TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TRIGGER accounts_name_is_new BEFORE INSERT ON accounts
    WHEN EXISTS (SELECT 1 FROM former_names WHERE name = NEW.name)
    BEGIN SELECT RAISE(ABORT, 'the name belonged to another account'); END;
  CREATE TRIGGER accounts_rename BEFORE UPDATE OF name ON accounts
    WHEN NEW.name <> OLD.name AND (OLD.type = 'system'
      OR EXISTS (SELECT 1 FROM former_names WHERE name = NEW.name AND account_id <> OLD.id))
    BEGIN SELECT RAISE(ABORT, 'system accounts keep their names, and names of other accounts are taken'); END;
  CREATE TRIGGER accounts_type_is_fixed BEFORE UPDATE OF type ON accounts WHEN NEW.type <> OLD.type
    BEGIN SELECT RAISE(ABORT, 'the type of an account cannot change'); END;
  CREATE TRIGGER accounts_stay BEFORE DELETE ON accounts
    BEGIN SELECT RAISE(ABORT, 'accounts are marked as deleted, never removed'); END;
  CREATE TRIGGER accounts_stay_deleted BEFORE UPDATE OF status ON accounts
    WHEN OLD.status = 'deleted' AND NEW.status <> 'deleted'
    BEGIN SELECT RAISE(ABORT, 'a deleted account does not come back'); END;

  CREATE TABLE account_roles (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    role TEXT NOT NULL CHECK (role IN ('admin', 'user', 'guest')),
    granted_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, role)
  ) STRICT, WITHOUT ROWID;

  CREATE TRIGGER account_roles_humans_only BEFORE INSERT ON account_roles
    WHEN (SELECT type FROM accounts WHERE id = NEW.account_id) <> 'human'
    BEGIN SELECT RAISE(ABORT, 'a system account holds no role'); END;
  CREATE TRIGGER account_roles_guest_alone BEFORE INSERT ON account_roles
    WHEN EXISTS (SELECT 1 FROM account_roles WHERE account_id = NEW.account_id
      AND role <> NEW.role AND 'guest' IN (role, NEW.role))
    BEGIN SELECT RAISE(ABORT, 'guest stands alone'); END;
  CREATE TRIGGER account_roles_fixed BEFORE UPDATE ON account_roles
    BEGIN SELECT RAISE(ABORT, 'roles are granted and taken away, not changed'); END;
`;

export const credentialTables = `
  CREATE TABLE passwords (
    account_id TEXT PRIMARY KEY REFERENCES accounts (id),
    s_phc BLOB NOT NULL,
    -- The Argon2id parameters inside s_phc, to see which hashes are old without opening them.
    params TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE totp (
    account_id TEXT PRIMARY KEY REFERENCES accounts (id),
    s_secret BLOB NOT NULL,
    -- NULL: not enrolled yet.
    confirmed_at INTEGER,
    last_step INTEGER NOT NULL DEFAULT 0,
    fail_step INTEGER NOT NULL DEFAULT 0,
    fail_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    h_credential BLOB NOT NULL UNIQUE,
    s_credential BLOB NOT NULL,
    counter INTEGER NOT NULL,
    backed_up INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
    name TEXT NOT NULL,
    last_used_at INTEGER,
    suspended_at INTEGER,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX passkeys_account ON passkeys (account_id);

  CREATE TABLE recovery_codes (
    mac BLOB PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    used_at INTEGER,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX recovery_codes_account ON recovery_codes (account_id);

  CREATE TABLE throttle (
    kind TEXT NOT NULL CHECK (kind IN ('name', 'totp', 'ip')),
    key TEXT NOT NULL,
    failures INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    locked_until INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX throttle_lock ON throttle (locked_until);

  CREATE TABLE policy_rules (
    -- AUTOINCREMENT: the id of a deleted rule, which the audit log names, is never given again.
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 65535),
    effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    description TEXT NOT NULL DEFAULT '',
    roles TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(roles)),
    account_types TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(account_types)),
    accounts TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(accounts)),
    services TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(services)),
    tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
    not_before INTEGER,
    expires_at INTEGER,
    updated_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
`;

export const sessionTables = `
  CREATE TABLE sessions (
    -- The claim sid. What the browser holds is another value, known here by its hash alone.
    id TEXT PRIMARY KEY,
    h_id BLOB NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    amr TEXT NOT NULL CHECK (json_valid(amr)),
    auth_time INTEGER NOT NULL,
    ip TEXT NOT NULL DEFAULT '',
    user_agent TEXT NOT NULL DEFAULT '',
    last_seen_at INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- The browser gets another id at its next request: the roles of the account have changed.
    rotate INTEGER NOT NULL DEFAULT 0 CHECK (rotate IN (0, 1)),
    ended_at INTEGER,
    end_reason TEXT,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_account ON sessions (account_id);
  CREATE INDEX sessions_expiry ON sessions (expires_at);

  CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    h_jti BLOB NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    session_id TEXT REFERENCES sessions (id),
    kid TEXT NOT NULL,
    audience TEXT NOT NULL CHECK (json_valid(audience)),
    label TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL CHECK (kind IN ('human', 'system', 'pat')),
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- The first token of a line of renewals, and the lifetime that it was issued with: a renewal gets no longer one.
    chain_id TEXT NOT NULL,
    ttl_ms INTEGER NOT NULL CHECK (ttl_ms > 0),
    renewed_to TEXT,
    -- A renewed token stays valid until then.
    retire_at INTEGER,
    revoked_at INTEGER,
    revoke_reason TEXT,
    -- To the hour.
    last_used_at INTEGER,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tokens_account ON tokens (account_id);
  CREATE INDEX tokens_session ON tokens (session_id);
  CREATE INDEX tokens_expiry ON tokens (expires_at);
  CREATE INDEX tokens_chain ON tokens (chain_id);
  CREATE INDEX tokens_key ON tokens (kid, expires_at);

  CREATE TABLE tickets (
    h_ticket BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('mfa', 'webauthn_login', 'webauthn_register', 'reset', 'sso_request')),
    account_id TEXT REFERENCES accounts (id),
    session_id TEXT,
    s_data BLOB,
    attempts INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tickets_expiry ON tickets (expires_at);
  CREATE INDEX tickets_account ON tickets (account_id);

  -- How many there are: counting the rows at each new one would cost as much as there are.
  CREATE TABLE ticket_counts (
    kind TEXT PRIMARY KEY,
    n INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER tickets_counted AFTER INSERT ON tickets BEGIN
    INSERT INTO ticket_counts (kind, n, created_at) VALUES (NEW.kind, 1, NEW.created_at)
      ON CONFLICT (kind) DO UPDATE SET n = n + 1;
  END;
  CREATE TRIGGER tickets_discounted AFTER DELETE ON tickets BEGIN
    UPDATE ticket_counts SET n = n - 1 WHERE kind = OLD.kind;
  END;

  CREATE TABLE sso_codes (
    h_code BLOB PRIMARY KEY,
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    session_id TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    auth_time INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    -- What the first use issued, to be revoked by a second one.
    token_id TEXT,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sso_codes_session ON sso_codes (session_id);
  CREATE INDEX sso_codes_expiry ON sso_codes (expires_at);

  CREATE TABLE oidc_items (
    model TEXT NOT NULL,
    h_id BLOB NOT NULL,
    s_payload BLOB NOT NULL,
    account_id TEXT,
    session_id TEXT,
    h_grant BLOB,
    h_uid BLOB,
    h_user_code BLOB,
    consumed_at INTEGER,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (model, h_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX oidc_items_grant ON oidc_items (h_grant);
  CREATE INDEX oidc_items_account ON oidc_items (account_id);
  CREATE INDEX oidc_items_session ON oidc_items (session_id);
  CREATE INDEX oidc_items_uid ON oidc_items (h_uid);
  CREATE INDEX oidc_items_user_code ON oidc_items (h_user_code);
  CREATE INDEX oidc_items_expiry ON oidc_items (expires_at);

  CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    alg TEXT NOT NULL CHECK (alg IN ('EdDSA', 'RS256')),
    "use" TEXT NOT NULL CHECK ("use" IN ('mcias', 'oidc')),
    state TEXT NOT NULL CHECK (state IN ('pending', 'valid', 'retained', 'expired', 'revoked')),
    public_jwk TEXT NOT NULL CHECK (json_valid(public_jwk)),
    s_private BLOB,
    activates_at INTEGER NOT NULL,
    -- When the last token that it signed ends; NULL while it may still sign.
    not_after INTEGER,
    created_at INTEGER NOT NULL,
    CHECK (s_private IS NULL OR state IN ('pending', 'valid')),
    CHECK (state IN ('pending', 'valid') OR not_after IS NOT NULL)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX signing_keys_one_signs ON signing_keys ("use", alg) WHERE state = 'valid';
`;

export const auditTables = `
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    event TEXT NOT NULL,
    target TEXT NOT NULL,
    service TEXT NOT NULL,
    ip TEXT NOT NULL,
    reason TEXT NOT NULL,
    request_id TEXT NOT NULL,
    details TEXT NOT NULL CHECK (json_valid(details)),
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
  ) STRICT;
  CREATE INDEX audit_at ON audit (at);
  CREATE INDEX audit_target ON audit (target);

  CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
  -- Pruning first writes how far it goes into meta, in the same transaction.
  CREATE TRIGGER audit_is_pruned_from_the_start BEFORE DELETE ON audit
    WHEN OLD.seq > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'audit_pruned_to'), 0)
    BEGIN SELECT RAISE(ABORT, 'audit entries are removed by pruning alone'); END;

  -- Equal failures of the running minute: beyond the tenth they are counted here and become one entry.
  CREATE TABLE audit_repeats (
    key TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    -- The latest of them, as it will be written.
    entry TEXT NOT NULL CHECK (json_valid(entry)),
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;
