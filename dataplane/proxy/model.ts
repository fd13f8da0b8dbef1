import type { FirewallRule, FirewallRules } from '../firewall/rules.ts';

/** The proxy's data model: plain, immutable, structured-cloneable data that main thread and workers share by message. */

export type RouteMode = 'l4' | 'l7';
export type BackendProtocol = 'auto' | 'http1' | 'h2c' | 'h2';
export type BackendVerify = 'none' | 'ca';
export type HealthCheckKind = 'off' | 'tcp' | 'http';
/** Where a route comes from: the config file (reconciled at each start and reload) or the admin API (kept). */
export type Origin = 'config' | 'api';

export interface Policies {
  /** Substrings of the User-Agent, matched without regard to case. */
  readonly blockUserAgents: readonly string[];
  /** Names of header fields that a request must carry. */
  readonly requireHeaders: readonly string[];
}

/** How the backends of a route are asked whether they serve: its keys `health_*`. */
export interface HealthCheck {
  readonly check: HealthCheckKind;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Of `http`: origin-form. */
  readonly path: string;
  /** Of `http`: the Host field; empty: the route's host name. */
  readonly host: string;
  /** Checks in a row that must fail, or pass, before the verdict changes. */
  readonly fall: number;
  readonly rise: number;
}

/** What the operator says about a route; field for field the keys of `[[listeners.routes]]`. */
export interface RouteSpec {
  /** A normalised host name (lower case, A-labels) or `*.` and one. */
  readonly hostname: string;
  /** `host:port` or `[v6]:port`; at least one. */
  readonly backends: readonly string[];
  readonly mode: RouteMode;
  readonly sendProxyProtocol: boolean;
  /** Paths of PEM files; empty for l4. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly backendTls: boolean;
  readonly backendVerify: BackendVerify;
  readonly backendCa: string;
  readonly backendServerName: string;
  readonly backendProtocol: BackendProtocol;
  readonly clientCa: string;
  /** `append`: keep X-Forwarded-* of a client behind a trusted PROXY hop and add to it; `set`: always replace. */
  readonly forwardedHeaders: 'set' | 'append';
  readonly health: HealthCheck;
  readonly policies: Policies;
}

/** PEM texts that the main thread read and checked for a route, so that workers never touch the file system. */
export interface RouteMaterial {
  readonly certificate: { readonly certPem: string; readonly keyPem: string } | null;
  readonly clientCaPem: string | null;
  readonly backendCaPem: string | null;
}

export interface Route extends RouteSpec {
  readonly origin: Origin;
  readonly material: RouteMaterial;
}

export interface ListenerSpec {
  /** As the operator wrote it (`:443`, `127.0.0.1:8443`, `fd:NAME`): the listener's name everywhere. */
  readonly addr: string;
  readonly proxyProtocol: boolean;
  readonly trustedProxies: readonly string[];
  /** Host name of the route for clients without SNI or without a match; empty: refuse. */
  readonly defaultRoute: string;
  /** 0: only the process's own bound. */
  readonly maxConnections: number;
  /** Answer clear HTTP with 308 to https instead of RST. */
  readonly redirectHttp: boolean;
}

export interface ListenerSnapshot extends ListenerSpec {
  readonly routes: readonly Route[];
}

/** `[proxy]` and `[tls]`, in milliseconds and bytes. */
export interface ProxySettings {
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly helloTimeoutMs: number;
  readonly helloMaxBytes: number;
  readonly headerTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  /** 0: unlimited. */
  readonly maxBodyBytes: number;
  readonly maxStreams: number;
  readonly ticketRotationMs: number;
  /** OpenSSL's list of key-exchange groups. */
  readonly tlsGroups: string;
}

/** All that a worker decides by. A worker receives one whole snapshot at start and changes after it. */
export interface ProxySnapshot {
  readonly generation: number;
  readonly listeners: readonly ListenerSnapshot[];
  readonly firewall: FirewallRules;
  readonly geoip: SharedArrayBuffer | null;
  /** Backends that fail their health checks, by the ids of checkIdOf. */
  readonly backendsDown: readonly string[];
  readonly settings: ProxySettings;
}

/** One swap of one reference. A worker applies the changes of one message in one turn of its loop. */
export type SnapshotChange =
  | { readonly kind: 'route_put'; readonly listener: string; readonly route: Route }
  | { readonly kind: 'route_remove'; readonly listener: string; readonly hostname: string; readonly kill: boolean }
  | { readonly kind: 'listener_put'; readonly listener: ListenerSpec }
  | { readonly kind: 'listener_remove'; readonly addr: string }
  | { readonly kind: 'firewall'; readonly rules: FirewallRules }
  | { readonly kind: 'firewall_rule'; readonly op: 'add' | 'remove'; readonly rule: FirewallRule }
  | { readonly kind: 'rate_limit'; readonly limit: number; readonly windowMs: number }
  | { readonly kind: 'geoip'; readonly buffer: SharedArrayBuffer }
  /** All of them, so that a message more or less does no harm. */
  | { readonly kind: 'backends_down'; readonly down: readonly string[] }
  | { readonly kind: 'settings'; readonly settings: ProxySettings };
