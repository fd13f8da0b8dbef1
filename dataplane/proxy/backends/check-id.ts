import { createHash } from 'node:crypto';
import type { Route } from '../model.ts';

/**
 * The name under which main thread and workers know a health check: the same for all routes that would ask the same backend the
 * same thing, so that it is asked once. Null: the route has its backends not checked. Cost: one hash; not for hot paths.
 */
export function checkIdOf(route: Route, backend: string): string | null {
  const { health } = route;
  if (health.check === 'off') return null;
  const tls = route.backendTls
    ? [route.backendVerify, route.backendServerName || route.hostname, route.material.backendCaPem]
    : null;
  const host = health.check === 'http' ? health.host || route.hostname : null;
  const asked = [backend, health, host, tls, route.backendProtocol, route.sendProxyProtocol];
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url');
}
