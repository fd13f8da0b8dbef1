import { parseHostPort } from '../../../mcdsl/config/index.ts';
import { parseHostname, parseWildcard } from '../../net/hostname.ts';
import type { BackendProtocol, BackendVerify, RouteMode, RouteSpec } from '../../proxy/model.ts';
import { Findings, oneOf, type RouteField, type RouteProblem } from './findings.ts';
import { checkHealthOf, parseHealth, type HealthInput } from './health.ts';
import { parseHeaderName, parseUserAgent, uniqueIgnoringCase } from './policy.ts';

/** A route as somebody wrote it, in the file or through the API. What is left out has the default of the configuration file. */
export interface RouteInput {
  readonly hostname: string;
  readonly backends: readonly string[];
  readonly mode: string;
  readonly sendProxyProtocol?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly backendTls?: boolean;
  readonly backendVerify?: string;
  readonly backendCa?: string;
  readonly backendServerName?: string;
  readonly backendProtocol?: string;
  readonly clientCa?: string;
  readonly forwardedHeaders?: string;
  readonly health?: HealthInput;
  readonly blockUserAgents?: readonly string[];
  readonly requireHeaders?: readonly string[];
}

export type RouteParse =
  | { readonly kind: 'route'; readonly spec: RouteSpec; readonly warnings: readonly RouteProblem[] }
  | { readonly kind: 'invalid'; readonly problems: readonly RouteProblem[] };

export const ROUTE_MODES = ['l4', 'l7'] as const satisfies readonly RouteMode[];
export const BACKEND_VERIFY = ['none', 'ca'] as const satisfies readonly BackendVerify[];
export const BACKEND_PROTOCOLS = ['auto', 'http1', 'h2c', 'h2'] as const satisfies readonly BackendProtocol[];
export const FORWARDED_HEADERS = ['set', 'append'] as const;

export const MAX_BACKENDS = 64;
export const MAX_POLICIES = 1_000;

/**
 * The one place where a route is judged, for the file, the API and rows of the database alike. Normalises host names and header
 * names; touches no files (certificates are checked by the caller). Reports every problem, not only the first.
 */
export function parseRoute(input: RouteInput): RouteParse {
  const found = new Findings();
  const spec: RouteSpec = {
    hostname: hostnameOf(input.hostname, found),
    backends: backendsOf(input.backends, found),
    mode: oneOf('mode', input.mode, ROUTE_MODES, found),
    sendProxyProtocol: input.sendProxyProtocol ?? false,
    tlsCert: input.tlsCert ?? '',
    tlsKey: input.tlsKey ?? '',
    backendTls: input.backendTls ?? false,
    backendVerify: oneOf('backend_verify', input.backendVerify || 'none', BACKEND_VERIFY, found),
    backendCa: input.backendCa ?? '',
    backendServerName: serverNameOf(input.backendServerName ?? '', found),
    backendProtocol: oneOf('backend_protocol', input.backendProtocol || 'auto', BACKEND_PROTOCOLS, found),
    clientCa: input.clientCa ?? '',
    forwardedHeaders: oneOf('forwarded_headers', input.forwardedHeaders || 'set', FORWARDED_HEADERS, found),
    health: parseHealth(input.health ?? {}, found),
    policies: {
      blockUserAgents: listOf('block_user_agents', input.blockUserAgents ?? [], parseUserAgent, found),
      requireHeaders: listOf('require_headers', input.requireHeaders ?? [], parseHeaderName, found),
    },
  };
  if (spec.mode === 'l4') checkL4(spec, found);
  else checkL7(spec, found);
  checkHealthOf(spec, found);
  checkPaths(spec, found);
  if (found.errors.length > 0) return { kind: 'invalid', problems: found.errors };
  return { kind: 'route', spec, warnings: found.warnings };
}

/** A host name or a wildcard of one label, normalised; null when it is neither. */
export function parseRouteHostname(text: string): string | null {
  return text.startsWith('*.') ? parseWildcard(text) : parseHostname(text);
}

/** Says why a text that parseRouteHostname refuses is no host name of a route. */
export function whyNoHostname(text: string): string {
  const shown = JSON.stringify(text);
  if (text === '') return 'the hostname is empty';
  if (text.includes('://')) return `${shown} is a URL; give its host name only`;
  if (/^\[.*\]|^[\d.]+$|^[\da-f:]*:[\da-f:]*:[\da-f:.]*$/i.test(text)) {
    return `${shown} is an IP address; TLS clients send no address as server name (RFC 6066 §3)`;
  }
  if (/:\d*$/.test(text)) return `${shown} has a port; the listener says the port, give the host name only`;
  if (text.includes('*'))
    return `${shown} is no wildcard that can be matched: "*." must stand for exactly the first label`;
  return `${shown} is not a host name`;
}

function hostnameOf(text: string, found: Findings): string {
  const hostname = parseRouteHostname(text);
  if (hostname !== null) return hostname;
  found.error('hostname', whyNoHostname(text), {
    expected: 'a host name such as "app.example.test" or "*.example.test"',
  });
  return '';
}

function backendsOf(backends: readonly string[], found: Findings): string[] {
  const expected = 'a backend such as "10.0.0.7:8443", "[fd00::7]:8443" or "app.internal:8443"';
  if (backends.length === 0) found.error('backends', 'the route has no backend', { expected });
  if (backends.length > MAX_BACKENDS) {
    found.error('backends', `the route has ${backends.length} backends; ${MAX_BACKENDS} are possible`);
  }
  backends.forEach((backend, index) => {
    const parsed = parseHostPort(backend);
    if (!parsed.ok) found.error('backends', `backend ${parsed.reason}`, { index, expected });
  });
  return [...backends];
}

function serverNameOf(text: string, found: Findings): string {
  const name = text === '' ? '' : parseHostname(text);
  if (name !== null) return name;
  found.error('backend_server_name', whyNoHostname(text), { expected: 'a host name such as "app.internal"' });
  return '';
}

function listOf(
  field: 'block_user_agents' | 'require_headers',
  values: readonly string[],
  parse: (text: string) => { ok: true; value: string } | { ok: false; reason: string },
  found: Findings,
): string[] {
  if (values.length > MAX_POLICIES) {
    found.error(field, `${field} has ${values.length} entries; ${MAX_POLICIES} are possible`);
    return [];
  }
  const parsed = values.flatMap((value, index) => {
    const result = parse(value);
    if (result.ok) return [result.value];
    found.error(field, result.reason, { index });
    return [];
  });
  return uniqueIgnoringCase(parsed);
}

/** An l4 route relays bytes that it can't read: whoever sets one of these keys expects something that would not happen. */
function checkL4(spec: RouteSpec, found: Findings): void {
  const used: [RouteField, boolean][] = [
    ['tls_cert', spec.tlsCert !== ''],
    ['tls_key', spec.tlsKey !== ''],
    ['backend_tls', spec.backendTls],
    ['backend_verify', spec.backendVerify !== 'none'],
    ['backend_ca', spec.backendCa !== ''],
    ['backend_server_name', spec.backendServerName !== ''],
    ['backend_protocol', spec.backendProtocol !== 'auto'],
    ['client_ca', spec.clientCa !== ''],
    ['forwarded_headers', spec.forwardedHeaders !== 'set'],
    ['block_user_agents', spec.policies.blockUserAgents.length > 0],
    ['require_headers', spec.policies.requireHeaders.length > 0],
  ];
  for (const [field, isUsed] of used) {
    if (!isUsed) continue;
    found.error(field, `${field} has no effect on an l4 route, which relays TLS unopened`, {
      expected: `mode = "l7", or no ${field}`,
    });
  }
}

function checkL7(spec: RouteSpec, found: Findings): void {
  for (const [field, path] of [
    ['tls_cert', spec.tlsCert],
    ['tls_key', spec.tlsKey],
  ] as const) {
    if (path === '')
      found.error(field, `an l7 route terminates TLS and needs ${field}`, { expected: 'the path of a PEM file' });
  }
  if (!spec.backendTls) {
    const expected = 'backend_tls = true';
    if (spec.backendVerify === 'ca') {
      found.error('backend_verify', 'backend_verify = "ca" needs TLS to the backend', { expected });
    }
    if (spec.backendProtocol === 'h2') {
      found.error('backend_protocol', 'backend_protocol "h2" is HTTP/2 over TLS', {
        expected: `${expected}, or "h2c"`,
      });
    }
    if (spec.backendServerName !== '') found.warn('backend_server_name', 'has no effect without backend_tls');
  } else if (spec.backendProtocol === 'h2c') {
    found.error('backend_protocol', 'backend_protocol "h2c" is HTTP/2 in clear text', {
      expected: '"h2", or no backend_tls',
    });
  }
  if (spec.backendVerify === 'ca' && spec.backendServerName === '' && spec.hostname.startsWith('*.')) {
    found.error('backend_verify', 'backend_verify = "ca" on a wildcard route has no name to verify', {
      expected: 'backend_server_name, the name in the certificate of the backends',
    });
  }
  if (spec.backendCa !== '' && spec.backendVerify !== 'ca') {
    found.warn('backend_ca', 'has no effect without backend_verify = "ca"');
  }
}

function checkPaths(spec: RouteSpec, found: Findings): void {
  const paths = [
    ['tls_cert', spec.tlsCert],
    ['tls_key', spec.tlsKey],
    ['backend_ca', spec.backendCa],
    ['client_ca', spec.clientCa],
  ] as const;
  for (const [field, path] of paths) {
    if (/[\0\n]/.test(path)) found.error(field, `${field} holds a NUL or line end`, { expected: 'a path' });
  }
}
