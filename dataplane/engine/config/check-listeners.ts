import type { ConfigPath, Reporter } from '../../../mcdsl/config/index.ts';
import { parseCidr } from '../../net/cidr.ts';
import type { RouteSpec } from '../../proxy/model.ts';
import { correctionOf } from './check-firewall.ts';
import { createFileCheck, type FileCheck } from './check-files.ts';
import { listenerKey, parseListenerAddress } from './listen.ts';
import { routeInput, routeProblemPath } from './route-config.ts';
import { parseRoute, parseRouteHostname, whyNoHostname } from './route.ts';
import type { ListenerConfig, ProxyConfig, RouteConfig } from './schema.ts';

export function checkListeners(config: ProxyConfig, report: Reporter): void {
  const files = createFileCheck(report);
  const first = new Map<string, number>();
  config.listeners.forEach((listener, index) => {
    const at = ['listeners', index];
    checkAddress(listener, index, first, report);
    checkProxies(listener, at, report);
    const hostnames = checkRoutes(listener, at, files, report);
    checkDefaultRoute(listener, at, hostnames, report);
  });
  warnUnverified(config, report);
}

function checkAddress(listener: ListenerConfig, index: number, first: Map<string, number>, report: Reporter): void {
  const path = ['listeners', index, 'addr'];
  const parsed = parseListenerAddress(listener.addr);
  if (!parsed.ok) {
    report(path, parsed.reason, {
      expected: 'an address such as ":443", "192.0.2.1:443", "[2001:db8::1]:443" or "fd:NAME"',
    });
    return;
  }
  const key = listenerKey(listener.addr, parsed.value);
  const other = first.get(key);
  if (other === undefined) {
    first.set(key, index);
    return;
  }
  const related = { path: ['listeners', other, 'addr'], message: 'the first listener' };
  report(path, `two listeners have the address ${listener.addr}; put the routes of both under one`, { related });
}

function checkProxies(listener: ListenerConfig, at: ConfigPath, report: Reporter): void {
  listener.trusted_proxies.forEach((text, index) => {
    const parsed = parseCidr(text);
    const path = [...at, 'trusted_proxies', index];
    if (parsed.kind === 'invalid') report(path, parsed.reason, { expected: 'a network such as "192.0.2.0/24"' });
    if (parsed.kind === 'host_bits') report(path, `"${text}" has host bits set`, correctionOf(text));
  });
  if (listener.proxy_protocol && listener.trusted_proxies.length === 0 && !report.partial) {
    report([...at, 'proxy_protocol'], 'proxy_protocol without trusted_proxies would refuse every connection', {
      expected: 'trusted_proxies with the networks of the proxies in front',
    });
  }
  if (!listener.proxy_protocol && listener.trusted_proxies.length > 0 && !report.partial) {
    report([...at, 'trusted_proxies'], 'trusted_proxies has no effect without proxy_protocol', {
      expected: 'proxy_protocol = true, or no trusted_proxies',
    });
  }
}

/** Returns the normalised host names of the listener. */
function checkRoutes(listener: ListenerConfig, at: ConfigPath, files: FileCheck, report: Reporter): Set<string> {
  const first = new Map<string, number>();
  listener.routes.forEach((route, index) => {
    const path = [...at, 'routes', index];
    const spec = checkRoute(route, path, report);
    if (spec) files.check(spec, path);
    const hostname = parseRouteHostname(route.hostname);
    if (hostname === null) return;
    const other = first.get(hostname);
    if (other === undefined) {
      first.set(hostname, index);
      return;
    }
    const related = { path: [...at, 'routes', other, 'hostname'], message: 'the first route' };
    report([...path, 'hostname'], `two routes of ${listener.addr} have the hostname ${hostname}`, { related });
  });
  return new Set(first.keys());
}

export function checkRoute(route: RouteConfig, path: ConfigPath, report: Reporter): RouteSpec | null {
  if (route.backend !== undefined && route.backends !== undefined) {
    const related = { path: [...path, 'backend'], message: 'backend' };
    report([...path, 'backends'], 'a route has either backend or backends', { at: 'key', related });
    return null;
  }
  const parsed = parseRoute(routeInput(route));
  const problems = parsed.kind === 'invalid' ? parsed.problems : parsed.warnings;
  for (const problem of problems) {
    if (report.partial && isAbsence(route, problem.field)) continue;
    report(routeProblemPath(path, route, problem), problem.message, {
      severity: parsed.kind === 'invalid' ? 'error' : 'warning',
      ...(problem.expected === null ? {} : { expected: problem.expected }),
    });
  }
  return parsed.kind === 'route' ? parsed.spec : null;
}

/** In a file with other mistakes a key may seem absent because what was written could not be read. */
function isAbsence(route: RouteConfig, field: string): boolean {
  if (field === 'backends') return route.backend === undefined && route.backends === undefined;
  return (field === 'tls_cert' && route.tls_cert === '') || (field === 'tls_key' && route.tls_key === '');
}

function checkDefaultRoute(
  listener: ListenerConfig,
  at: ConfigPath,
  hostnames: ReadonlySet<string>,
  report: Reporter,
): void {
  if (listener.default_route === '') return;
  const path = [...at, 'default_route'];
  const hostname = parseRouteHostname(listener.default_route);
  if (hostname === null) {
    report(path, whyNoHostname(listener.default_route), { expected: 'the hostname of a route of this listener' });
  } else if (!hostnames.has(hostname) && !report.partial) {
    report(path, `the listener has no route ${hostname}`, { expected: 'the hostname of a route of this listener' });
  }
}

/** Once for the whole file: the setting is the default, and right for addresses behind an authenticated overlay. */
function warnUnverified(config: ProxyConfig, report: Reporter): void {
  const unverified = config.listeners.flatMap((listener, i) =>
    listener.routes.flatMap((route, j) =>
      route.mode === 'l7' && route.backend_tls && route.backend_verify === 'none'
        ? [{ hostname: route.hostname, path: ['listeners', i, 'routes', j, 'backend_tls'] }]
        : [],
    ),
  );
  const [first] = unverified;
  if (!first) return;
  const others = unverified.length > 1 ? ` and ${unverified.length - 1} more` : '';
  report(first.path, `the backend's certificate is not verified (${first.hostname}${others})`, {
    severity: 'warning',
    expected: 'backend_verify = "ca", unless the backends are reached over an authenticated network',
  });
}
