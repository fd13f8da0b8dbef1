import type { Handlers } from '../../../mcdsl/grpc/index.ts';
import type { Sample } from '../../../mcdsl/metrics/index.ts';
import type { ProxyAdminService } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { ConnectionFilter, ConnectionPage, ConnectionView } from '../../proxy/connections.ts';
import type { ProxyTables } from '../../proxy/routing/tables.ts';
import type { EventLog } from '../events/index.ts';
import type { State } from '../state/index.ts';

export type ProxyAdminHandlers = Handlers<typeof ProxyAdminService>;

/** What the handlers of the admin API work with; the server hands it over. */
export interface AdminDeps {
  /** The one writer. A change that resolved is on disk and served by every worker. */
  readonly state: Omit<State, 'snapshot' | 'reload' | 'close' | typeof Symbol.asyncDispose>;
  readonly events: Pick<EventLog, 'recent' | 'subscribe'>;
  /** The main thread's own, kept as the workers' are: what Explain asks. */
  readonly tables: ProxyTables;
  /** Of all workers. */
  connections(filter: ConnectionFilter): Promise<ConnectionPage>;
  /** Resolves with null when there is no connection of that id. */
  killConnection(id: string): Promise<ConnectionView | null>;
  bound(): readonly BoundListener[];
  server(): ServerView;
  geoip(): GeoipView;
  /** Every figure of the metrics endpoint. */
  stats(): Promise<readonly Sample[]>;
  /** Begins the drain, or joins one that is under way; returns at once. */
  drain(): void;
}

export interface BoundListener {
  readonly addr: string;
  readonly host: string;
  readonly port: number;
  /** Connections open now. */
  readonly active: number;
}

export interface ServerView {
  readonly version: string;
  readonly engine: 'native' | 'portable';
  /** Why it is the portable one; else empty. */
  readonly engineNote: string;
  readonly workers: number;
  readonly startedAt: Date;
  readonly state: 'starting' | 'serving' | 'draining';
  readonly configFile: string;
  readonly database: string;
  /** Sentences beside those of the state: what the server itself has to say. */
  readonly warnings: readonly string[];
}

export interface GeoipView {
  /** Empty: none is configured. */
  readonly path: string;
  /** null: none is in use. */
  readonly loaded: { readonly type: string; readonly builtAt: Date } | null;
  readonly reloadFailures: number;
  /** Why the last load failed; empty when it succeeded. */
  readonly lastError: string;
}
