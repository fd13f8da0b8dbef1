import { isDeepStrictEqual } from 'node:util';
import type { SnapshotChange } from '../../proxy/model.ts';
import type { Certificates, PreparedMaterial, RouteKey } from '../certificates/index.ts';
import { parseRoute, parseRouteHostname, whyNoHostname, type RouteInput, type RouteProblem } from '../config/index.ts';
import { proxyErrors } from '../errors.ts';
import type { StoreChange } from '../store/index.ts';
import type { Validated } from './change.ts';
import {
  apiPoliciesOf,
  baseOf,
  compileRoute,
  dropApiPolicies,
  dropApiRoute,
  putApiRoute,
  type Desired,
} from './desired.ts';
import { resolveLeftListener, resolveListener } from './listeners.ts';
import { routeView, type RouteView } from './views.ts';

export interface AddRouteResult {
  readonly route: RouteView;
  /** False: the same route was there already. */
  readonly changed: boolean;
  readonly generation: number;
  /** What works, but not as the operator will want it. */
  readonly warnings: readonly string[];
}

export interface RemoveRouteResult {
  readonly generation: number;
}

/** Routes that the API may hold: bounds the memory of every worker. */
const MAX_API_ROUTES = 1_000_000;

export function addRoute(
  desired: Desired,
  certificates: Certificates,
  listener: string,
  input: RouteInput,
): Validated<AddRouteResult> {
  const addr = resolveListener(desired, listener);
  const parsed = parseRoute(input);
  if (parsed.kind === 'invalid') throw routeInvalid(input, parsed.problems);
  const { spec } = parsed;
  const key: RouteKey = { listener: addr, hostname: spec.hostname };
  const before = desired.apiRoutes.get(addr)?.get(spec.hostname);
  const answer = (changed: boolean, warnings: readonly string[]): AddRouteResult => ({
    route: routeView(desired, key),
    changed,
    generation: desired.generation,
    warnings,
  });
  if (before && isDeepStrictEqual(before, spec)) return { kind: 'none', answer: answer(false, []) };
  if (!before && countApiRoutes(desired) >= MAX_API_ROUTES) {
    throw proxyErrors.error('too_large', `the API holds ${MAX_API_ROUTES} routes already; remove some first`);
  }
  const prepared = certificates.prepare(spec);
  refuseBadFiles(spec.hostname, prepared);

  return {
    kind: 'plan',
    rows: [{ kind: 'route_put', listener: addr, spec }],
    compile() {
      putApiRoute(desired, addr, spec);
      if (spec.mode === 'l7') certificates.track(key, spec, prepared);
      else certificates.untrack(key);
      return serve(desired, key, certificates);
    },
    events: [
      {
        kind: 'route',
        listener: addr,
        route: spec.hostname,
        detail: before ? 'replaced by the API' : 'added by the API',
      },
    ],
    answer: () =>
      answer(true, [...parsed.warnings.map(({ field, message }) => `${field} ${message}`), ...prepared.warnings]),
  };
}

export function removeRoute(
  desired: Desired,
  certificates: Certificates,
  listener: string,
  hostname: string,
  kill: boolean,
): Validated<RemoveRouteResult> {
  const addr = resolveLeftListener(desired, listener);
  const normal = parseRouteHostname(hostname);
  if (normal === null) throw proxyErrors.error('route_invalid', whyNoHostname(hostname), { field: 'hostname' });
  const key: RouteKey = { listener: addr, hostname: normal };
  const configured = desired.listeners.get(addr)?.configured.get(normal);
  if (!desired.apiRoutes.get(addr)?.has(normal)) {
    if (!configured) throw proxyErrors.error('route_not_found', `the listener ${addr} has no route ${normal}`);
    const place = desired.configured.place(configured.path);
    const message = `the route ${normal} on ${addr} comes from the configuration file; remove it at ${place} and reload (SIGHUP)`;
    throw proxyErrors.error('route_is_configured', message, { place });
  }
  // Policies of the API belong to a route of either origin; with the last one they go.
  const orphaned = configured ? [] : apiPoliciesOf(desired, key);

  return {
    kind: 'plan',
    rows: [
      { kind: 'route_remove', listener: addr, hostname: normal },
      ...orphaned.map((policy): StoreChange => ({ kind: 'policy_remove', policy })),
    ],
    compile() {
      dropApiRoute(desired, key);
      dropApiPolicies(desired, key, orphaned);
      if (!desired.listeners.has(addr)) return [];
      trackBase(desired, certificates, key);
      const changes = serve(desired, key, certificates);
      // The route of the file comes back in its place; `kill` still means the connections of the removed one.
      return configured && kill ? [removal(key, true), ...changes] : configured ? changes : [removal(key, kill)];
    },
    events: [{ kind: 'route', listener: addr, route: normal, detail: 'removed by the API' }],
    answer: () => ({ generation: desired.generation }),
  };
}

/** Compiles what is served under the key now and says it to the workers. */
export function serve(desired: Desired, key: RouteKey, certificates: Certificates): SnapshotChange[] {
  const listener = desired.listeners.get(key.listener);
  if (!listener) return [];
  const route = compileRoute(desired, key, certificates);
  if (route) {
    listener.routes.set(key.hostname, route);
    return [{ kind: 'route_put', listener: key.listener, route }];
  }
  return listener.routes.delete(key.hostname) ? [removal(key, false)] : [];
}

/** Reads the files of whatever is served under the key; bad ones show in the warnings of `status` and are watched. */
export function trackBase(desired: Desired, certificates: Certificates, key: RouteKey): void {
  const base = baseOf(desired, key);
  if (base?.spec.mode === 'l7') certificates.track(key, base.spec, certificates.prepare(base.spec));
  else certificates.untrack(key);
}

function removal({ listener, hostname }: RouteKey, kill: boolean): SnapshotChange {
  return { kind: 'route_remove', listener, hostname, kill };
}

function countApiRoutes(desired: Desired): number {
  let count = 0;
  for (const routes of desired.apiRoutes.values()) count += routes.size;
  return count;
}

function routeInvalid(input: RouteInput, problems: readonly RouteProblem[]): Error {
  const backendsOnly = problems.every((problem) => problem.field === 'backends');
  const sentences = problems.map(({ message, expected }) =>
    expected ? `${message} (expected: ${expected})` : message,
  );
  return proxyErrors.error(
    backendsOnly ? 'backend_invalid' : 'route_invalid',
    `the route ${JSON.stringify(input.hostname)} is refused: ${sentences.join('; ')}`,
    { problems: problems.map(({ field, message }) => ({ field, message })) },
  );
}

function refuseBadFiles(hostname: string, prepared: PreparedMaterial): void {
  const [first] = prepared.problems;
  if (!first) return;
  const sentences = prepared.problems.map((problem) => problem.message).join('; ');
  throw proxyErrors.error(first.code, `the route ${hostname} is refused: ${sentences}`, {
    problems: prepared.problems.map(({ field, message }) => ({ field, message })),
  });
}
