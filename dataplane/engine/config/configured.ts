import {
  placeText,
  type ConfigPath,
  type ConfigSources,
  type ListenAddress,
  type LoadResult,
} from '../../../mcdsl/config/index.ts';
import { parseFirewallRule, type FirewallRule } from '../../firewall/index.ts';
import { formatCidr, parseCidr } from '../../net/cidr.ts';
import type { ListenerSpec, ProxySettings, RouteSpec } from '../../proxy/model.ts';
import { firewallLists } from './check-firewall.ts';
import type { RateLimitSettings } from './rate-limit.ts';
import { routeInput } from './route-config.ts';
import { parseRoute, parseRouteHostname } from './route.ts';
import type { ListenerConfig, ProxyConfig } from './schema.ts';

export interface ConfiguredRoute {
  readonly spec: RouteSpec;
  readonly path: ConfigPath;
}

export interface ConfiguredListener {
  readonly spec: ListenerSpec;
  readonly routes: readonly ConfiguredRoute[];
}

export interface ConfiguredRule {
  readonly rule: FirewallRule;
  readonly path: ConfigPath;
}

/** What the file says about traffic; together with the changes of the API this is the desired state. */
export interface ConfiguredState {
  readonly listeners: readonly ConfiguredListener[];
  readonly rules: readonly ConfiguredRule[];
  readonly rateLimit: RateLimitSettings;
  readonly ratePrefixV4: number;
  readonly ratePrefixV6: number;
  readonly settings: ProxySettings;
  /** `FILE:LINE:COLUMN` of a setting, for messages. */
  place(path: ConfigPath): string;
}

/** What concerns the process alone. */
export interface ProcessSettings {
  readonly configFile: string;
  readonly databasePath: string;
  readonly adminSocket: { readonly path: string; readonly mode: number; readonly group: string };
  /** null: no metrics are served. */
  readonly metricsAddress: ListenAddress | null;
  readonly statusPage: boolean;
  readonly accessLog: { readonly enabled: boolean; readonly sample: number };
  readonly logLevel: ProxyConfig['log']['level'];
  /** Empty: none. */
  readonly geoipDb: string;
  /** 0: one a core. */
  readonly workers: number;
}

export interface Desired {
  readonly configured: ConfiguredState;
  readonly process: ProcessSettings;
}

type Loaded = Extract<LoadResult<ProxyConfig>, { ok: true }>;

/** Translates a checked configuration into the model. Throws only for one that did not pass its checks. */
export function toDesired(loaded: Loaded): Desired {
  const { config, sources } = loaded;
  return {
    configured: toConfigured(config as ProxyConfig, sources),
    process: {
      configFile: sources.file,
      databasePath: config.database.path,
      adminSocket: { path: config.admin.socket, mode: config.admin.mode, group: config.admin.group },
      metricsAddress: config.metrics.addr,
      statusPage: config.metrics.status_page,
      accessLog: config.access_log,
      logLevel: config.log.level,
      geoipDb: config.firewall.geoip_db,
      workers: config.proxy.workers,
    },
  };
}

function toConfigured(config: ProxyConfig, sources: ConfigSources): ConfiguredState {
  const { firewall } = config;
  return {
    listeners: config.listeners.map((listener, index) => toListener(listener, ['listeners', index])),
    rules: toRules(config),
    rateLimit: { limit: firewall.rate_limit, windowMs: firewall.rate_window },
    ratePrefixV4: firewall.rate_prefix_v4,
    ratePrefixV6: firewall.rate_prefix_v6,
    settings: toSettings(config),
    place: (path) => placeText(sources.place(path)),
  };
}

function toListener(listener: ListenerConfig, path: ConfigPath): ConfiguredListener {
  return {
    spec: {
      addr: listener.addr,
      proxyProtocol: listener.proxy_protocol,
      trustedProxies: listener.trusted_proxies.map(toNetwork),
      defaultRoute: listener.default_route === '' ? '' : checked(parseRouteHostname(listener.default_route)),
      maxConnections: listener.max_connections,
      redirectHttp: listener.redirect_http,
    },
    routes: listener.routes.map((route, index) => {
      const parsed = parseRoute(routeInput(route));
      return { spec: checked(parsed.kind === 'route' ? parsed.spec : null), path: [...path, 'routes', index] };
    }),
  };
}

function toRules(config: ProxyConfig): ConfiguredRule[] {
  return firewallLists().flatMap(([list, kind]) =>
    config.firewall[list].map((text, index) => {
      const parsed = parseFirewallRule(kind, text);
      return { rule: checked(parsed.kind === 'rule' ? parsed.rule : null), path: ['firewall', list, index] };
    }),
  );
}

function toSettings({ proxy, tls }: ProxyConfig): ProxySettings {
  return {
    connectTimeoutMs: proxy.connect_timeout,
    idleTimeoutMs: proxy.idle_timeout,
    shutdownTimeoutMs: proxy.shutdown_timeout,
    helloTimeoutMs: proxy.hello_timeout,
    helloMaxBytes: proxy.hello_max,
    headerTimeoutMs: proxy.header_timeout,
    bodyTimeoutMs: proxy.body_timeout,
    maxHeaderBytes: proxy.max_header_bytes,
    maxHeaderCount: proxy.max_header_count,
    maxBodyBytes: proxy.max_body,
    maxStreams: proxy.max_streams,
    ticketRotationMs: tls.ticket_rotation,
    tlsGroups: tls.groups,
  };
}

function toNetwork(text: string): string {
  const parsed = parseCidr(text);
  return checked(parsed.kind === 'cidr' ? formatCidr(parsed.cidr) : null);
}

function checked<T>(value: T | null): T {
  if (value === null) throw new Error('the configuration did not pass its checks');
  return value;
}
