export { toDesired } from './configured.ts';
export type {
  ConfiguredListener,
  ConfiguredRoute,
  ConfiguredRule,
  ConfiguredState,
  Desired,
  ProcessSettings,
} from './configured.ts';
export { listenEndpoint, parseListenerAddress } from './listen.ts';
export type { ListenerAddress } from './listen.ts';
export { parseHeaderName, parseUserAgent } from './policy.ts';
export { parseRateLimit } from './rate-limit.ts';
export type { RateLimitSettings } from './rate-limit.ts';
export { MAX_BACKENDS, MAX_POLICIES, parseRoute, parseRouteHostname, whyNoHostname } from './route.ts';
export type { RouteProblem } from './findings.ts';
export { healthKeys } from './health-keys.ts';
export type { HealthInput } from './health.ts';
export type { RouteInput, RouteParse } from './route.ts';
export { proxyConfig } from './schema.ts';
export type { ProxyConfig } from './schema.ts';
