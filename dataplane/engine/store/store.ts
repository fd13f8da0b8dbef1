import { openDatabase, type Database, type Writer } from '../../../mcdsl/database/index.ts';
import type { FirewallRule } from '../../firewall/index.ts';
import type { RouteSpec } from '../../proxy/model.ts';
import type { RateLimitSettings } from '../config/index.ts';
import { toProxyError } from './database-errors.ts';
import { migrations } from './migrations.ts';
import { formatUndo, parseRevertRow, type RevertRow } from './revert-row.ts';
import {
  formatSpec,
  parsePolicyRow,
  parseRateLimitRow,
  parseRouteRow,
  parseRuleRow,
  type PolicyRow,
  type RateLimitRow,
  type RouteRow,
  type RowParse,
  type RuleRow,
} from './rows.ts';

export type PolicyKind = 'block_user_agent' | 'require_header';

/** A policy that AddPolicy put beside those of the route itself. */
export interface StoredPolicy {
  readonly listener: string;
  readonly hostname: string;
  readonly kind: PolicyKind;
  readonly value: string;
}

export interface StoredRoute {
  readonly listener: string;
  readonly spec: RouteSpec;
}

/** All that the API changed and that a restart brings back. */
export interface StoredState {
  readonly generation: number;
  readonly routes: readonly StoredRoute[];
  readonly rules: readonly FirewallRule[];
  /** null: the one of the configuration file is in force. */
  readonly rateLimit: RateLimitSettings | null;
  readonly policies: readonly StoredPolicy[];
  /** null: no change waits for its confirmation. */
  readonly revert: StoredRevert | null;
  /** A sentence for each row that was left alone and is not used. */
  readonly warnings: readonly string[];
}

/** A change of what the API owns. */
export type ApiChange =
  | { readonly kind: 'route_put'; readonly listener: string; readonly spec: RouteSpec }
  | { readonly kind: 'route_remove'; readonly listener: string; readonly hostname: string }
  | { readonly kind: 'rule_put'; readonly rule: FirewallRule }
  | { readonly kind: 'rule_remove'; readonly rule: FirewallRule }
  | { readonly kind: 'rate_limit_put'; readonly rateLimit: RateLimitSettings }
  | { readonly kind: 'rate_limit_remove' }
  | { readonly kind: 'policy_put'; readonly policy: StoredPolicy }
  | { readonly kind: 'policy_remove'; readonly policy: StoredPolicy };

/** What becomes of a change that nobody confirms. */
export interface StoredRevert {
  /** That the change led to. */
  readonly generation: number;
  /** Milliseconds since the epoch: the clock of the wall, which a restart keeps. */
  readonly deadlineMs: number;
  readonly withinMs: number;
  /** Brings back what was there before the change. */
  readonly undo: readonly ApiChange[];
}

export type StoreChange =
  ApiChange | { readonly kind: 'revert_put'; readonly revert: StoredRevert } | { readonly kind: 'revert_remove' };

export interface Store extends Disposable {
  readonly path: string;
  /** Sentences for `status` about how the database was opened; a damaged one was set aside under the name they give. */
  readonly warnings: readonly string[];
  /** Reads everything back; rows that don't validate are left alone. */
  load(): StoredState;
  /**
   * Writes all changes and the generation they lead to in one transaction, on disk when it returns.
   * @throws database_* of proxyErrors, with nothing written
   */
  commit(changes: readonly StoreChange[], generation: number): void;
  /** Until it is disposed no other process can write, and what is committed here is not yet on disk. @throws database_locked */
  holdWrites(): Disposable;
}

export interface StoreOptions {
  readonly path: string;
  /** How long a commit waits for the lock of another process; blocks the main thread. */
  readonly busyTimeoutMs?: number;
  readonly now?: () => number;
}

/**
 * Opens mc-proxy.db, creating or migrating it. A damaged one is set aside under a dated name, so that ingress comes up with the
 * routes of the configuration file.
 * @throws database_* of proxyErrors when there is no working with the path at all
 */
export function openStore(options: StoreOptions): Store {
  const { path, busyTimeoutMs = 1_000, now = Date.now } = options;
  const database = toProxyError(() => openDatabase({ path, migrations, busyTimeoutMs, onCorrupt: 'set-aside' }));
  const { setAside, warnings } = database.opened;
  const aside =
    setAside &&
    `the database was damaged (${setAside.reason}) and is now ${setAside.path}; routes and rules of the API are gone until it is restored from a snapshot`;
  return {
    path,
    warnings: aside ? [aside, ...warnings] : warnings,
    load: () => toProxyError(() => load(database)),
    commit(changes, generation) {
      toProxyError(() =>
        database.transaction((writer) => {
          for (const change of changes) write(writer, change, now());
          writer.run('UPDATE generation SET value = ? WHERE id = 1', [generation]);
        }),
      );
    },
    holdWrites: () => toProxyError(() => database.holdWrites()),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}

function load(database: Database): StoredState {
  const warnings: string[] = [];
  const used = <Row, T>(
    rows: readonly Row[],
    what: (row: Row) => string,
    parse: (row: Row) => RowParse<T>,
  ): [Row, T][] =>
    rows.flatMap((row): [Row, T][] => {
      const parsed = parse(row);
      if (parsed.ok) return [[row, parsed.value]];
      warnings.push(`${what(row)} of the database is not used: ${parsed.reason}`);
      return [];
    });
  return database.read((reader) => {
    const routes = used(
      reader.all<RouteRow>('SELECT listener, hostname, spec FROM routes'),
      (row) => `the route ${row.hostname} on ${row.listener}`,
      parseRouteRow,
    );
    const rules = used(
      reader.all<RuleRow>('SELECT kind, value FROM firewall_rules'),
      (row) => `the firewall rule ${row.kind} ${row.value}`,
      parseRuleRow,
    );
    const limits = used(
      reader.all<RateLimitRow>('SELECT max_connections, window_ms FROM rate_limit'),
      () => 'the rate limit',
      parseRateLimitRow,
    );
    const policies = used(
      reader.all<PolicyRow>('SELECT listener, hostname, kind, value FROM policies'),
      (row) => `the policy ${row.kind} "${row.value}" of ${row.hostname} on ${row.listener}`,
      parsePolicyRow,
    );
    const reverts = used(
      reader.all<RevertRow>('SELECT generation, deadline, within_ms, undo FROM pending_revert'),
      () => 'the revert of an unconfirmed change',
      (row) =>
        parseRevertRow(row, (reason) =>
          warnings.push(`a part of the revert of an unconfirmed change is not used: ${reason}`),
        ),
    );
    return {
      generation: reader.get<{ value: number }>('SELECT value FROM generation WHERE id = 1')?.value ?? 0,
      routes: routes.map(([row, spec]) => ({ listener: row.listener, spec })),
      rules: rules.map(([, rule]) => rule),
      rateLimit: limits[0]?.[1] ?? null,
      policies: policies.map(([, policy]) => policy),
      revert: reverts[0]?.[1] ?? null,
      warnings,
    };
  });
}

function write(writer: Writer, change: StoreChange, nowMs: number): void {
  switch (change.kind) {
    case 'route_put': {
      const { listener, spec } = change;
      writer.run(
        `INSERT INTO routes (listener, hostname, spec, created_at, updated_at) VALUES (@listener, @hostname, @spec, @now, @now)
         ON CONFLICT (listener, hostname) DO UPDATE SET spec = excluded.spec, updated_at = excluded.updated_at`,
        { listener, hostname: spec.hostname, spec: formatSpec(spec), now: nowMs },
      );
      return;
    }
    case 'route_remove':
      writer.run('DELETE FROM routes WHERE listener = ? AND hostname = ?', [change.listener, change.hostname]);
      return;
    case 'rule_put':
      writer.run('INSERT INTO firewall_rules (kind, value, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', [
        change.rule.kind,
        change.rule.value,
        nowMs,
      ]);
      return;
    case 'rule_remove':
      writer.run('DELETE FROM firewall_rules WHERE kind = ? AND value = ?', [change.rule.kind, change.rule.value]);
      return;
    case 'rate_limit_put':
      writer.run(
        `INSERT INTO rate_limit (id, max_connections, window_ms, updated_at) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE
         SET max_connections = excluded.max_connections, window_ms = excluded.window_ms, updated_at = excluded.updated_at`,
        [change.rateLimit.limit, change.rateLimit.windowMs, nowMs],
      );
      return;
    case 'rate_limit_remove':
      writer.run('DELETE FROM rate_limit');
      return;
    case 'policy_put': {
      const { listener, hostname, kind, value } = change.policy;
      writer.run(
        `INSERT INTO policies (listener, hostname, kind, value, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        [listener, hostname, kind, value, nowMs],
      );
      return;
    }
    case 'policy_remove': {
      const { listener, hostname, kind, value } = change.policy;
      writer.run('DELETE FROM policies WHERE listener = ? AND hostname = ? AND kind = ? AND value = ?', [
        listener,
        hostname,
        kind,
        value,
      ]);
      return;
    }
    case 'revert_put': {
      const { generation, deadlineMs, withinMs, undo } = change.revert;
      writer.run(
        'INSERT OR REPLACE INTO pending_revert (id, generation, deadline, within_ms, undo) VALUES (1, ?, ?, ?, ?)',
        [generation, deadlineMs, withinMs, formatUndo(undo)],
      );
      return;
    }
    case 'revert_remove':
      writer.run('DELETE FROM pending_revert');
      return;
    default:
      change satisfies never;
  }
}
