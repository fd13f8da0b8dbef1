import type { ConfigPath } from '../../../mcdsl/config/index.ts';
import type { RouteProblem } from './findings.ts';
import type { RouteInput } from './route.ts';
import type { RouteConfig } from './schema.ts';

/** A route of the file in the words that file and API share. `backend` and `backends` have been checked not to be both there. */
export function routeInput(route: RouteConfig): RouteInput {
  return {
    hostname: route.hostname,
    backends: route.backends ?? (route.backend === undefined ? [] : [route.backend]),
    mode: route.mode,
    sendProxyProtocol: route.send_proxy_protocol,
    tlsCert: route.tls_cert,
    tlsKey: route.tls_key,
    backendTls: route.backend_tls,
    backendVerify: route.backend_verify,
    backendCa: route.backend_ca,
    backendServerName: route.backend_server_name,
    backendProtocol: route.backend_protocol,
    clientCa: route.client_ca,
    forwardedHeaders: route.forwarded_headers,
    health: {
      check: route.health_check,
      intervalMs: route.health_interval,
      timeoutMs: route.health_timeout,
      path: route.health_path,
      host: route.health_host,
      fall: route.health_fall,
      rise: route.health_rise,
    },
    blockUserAgents: route.policies.block_user_agents,
    requireHeaders: route.policies.require_headers,
  };
}

/** Where in the file the problem of a route stands; `at` is the path of the route. */
export function routeProblemPath(at: ConfigPath, route: RouteConfig, problem: RouteProblem): ConfigPath {
  const { field, index } = problem;
  if (field === 'backends' && route.backends === undefined) {
    return route.backend === undefined ? at : [...at, 'backend'];
  }
  const isPolicy = field === 'block_user_agents' || field === 'require_headers';
  const path = [...at, ...(isPolicy ? ['policies'] : []), field];
  return index === null ? path : [...path, index];
}
