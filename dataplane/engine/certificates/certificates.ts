import { namesCover, type CertificateInfo, type PemProblem } from '../../../mcdsl/tls/index.ts';
import type { RouteMaterial } from '../../proxy/model.ts';
import type { NewEvent } from '../events/index.ts';
import { createPoller } from './poller.ts';
import { createSourceTable, type TrackedSource } from './source-table.ts';
import { sourcesOf, type MaterialSpec, type RouteSources, type SourceLoad } from './source.ts';

export interface RouteKey {
  readonly listener: string;
  readonly hostname: string;
}

/** The files of a route, read and checked, but not yet in use. */
export interface PreparedMaterial {
  /** Empty: all files are good. */
  readonly problems: readonly PemProblem[];
  readonly warnings: readonly string[];
  /** What was read, for `track`. */
  readonly loads: readonly SourceLoad[];
}

export interface CertificateView extends RouteKey {
  readonly certPath: string;
  /** Of the pair in use; null when the route never had a good one. */
  readonly info: CertificateInfo | null;
  /** Why the files on disk are not in use; empty when they are. */
  readonly error: string;
}

/** `reloaded` and `unchanged` count sources (a pair or CA bundle, however many routes share it). */
export interface ReloadReport {
  readonly reloaded: number;
  readonly unchanged: number;
  readonly failed: readonly CertificateView[];
}

export interface Certificates extends AsyncDisposable {
  /** Reads the files that a route names, or answers from what is in use while the files are unchanged. Keeps nothing. */
  prepare(spec: MaterialSpec): PreparedMaterial;
  /**
   * The route uses what was prepared from now on; replaces what it used before. What was refused leaves its part of the material
   * null (or as other routes have it from earlier files) until the files become good.
   */
  track(key: RouteKey, spec: MaterialSpec, prepared: PreparedMaterial): void;
  untrack(key: RouteKey): void;
  /** What a tracked route serves with now. Routes that share a source share its object. */
  material(key: RouteKey): RouteMaterial;
  /** Looks at every file once; a change is loaded by the second look in a row that finds it the same. */
  check(): Promise<void>;
  /** Reads everything again now (SIGHUP, ReloadCertificates). A bad pair is refused and the old one stays. */
  reload(): ReloadReport;
  list(): CertificateView[];
  /** Sentences for `status`: files not in use, names that don't cover their route, expired issuers. */
  warnings(): string[];
}

export interface CertificatesDeps {
  /** Called after the material of these routes changed; they have to be published again. */
  readonly changed: (routes: readonly RouteKey[]) => void;
  /** `error`: files were refused, which somebody has to put right. */
  readonly report: (event: NewEvent, severity: 'info' | 'error') => void;
}

export interface CertificatesOptions {
  readonly now?: () => number;
  /** Between two looks at the files; 0: only `check()` looks. */
  readonly pollMs?: number;
}

interface TrackedRoute extends RouteKey {
  readonly spec: MaterialSpec;
  readonly sources: RouteSources;
}

const POLL_MS = 2_000;
const NONE: RouteMaterial = { certificate: null, clientCaPem: null, backendCaPem: null };

/**
 * The certificates in use and the watch over their files. Files are polled with stat rather than inotify: that sees through the
 * symbolic links of certbot, works on network and overlay file systems and bind mounts, and needs no per-user watch quota.
 */
export function createCertificates(deps: CertificatesDeps, options: CertificatesOptions = {}): Certificates {
  const now = options.now ?? Date.now;
  const routes = new Map<string, TrackedRoute>();
  const table = createSourceTable(now, (source, outcome) => {
    const users = [...source.users].flatMap((id) => routes.get(id) ?? []);
    reportOutcome(deps, users, source, outcome);
    if (outcome === 'replaced') deps.changed(users.map(({ listener, hostname }) => ({ listener, hostname })));
  });
  const poller = createPoller(table, options.pollMs ?? POLL_MS);

  const untrack = (key: RouteKey): void => {
    const id = idOf(key);
    const route = routes.get(id);
    if (!route) return;
    routes.delete(id);
    for (const source of Object.values(route.sources)) if (source) table.release(source, id);
  };

  return {
    prepare(spec) {
      const { certificate, clientCa, backendCa } = sourcesOf(spec);
      const loads = [certificate, clientCa, backendCa].flatMap((source) => (source ? [table.look(source)] : []));
      return {
        problems: loads.flatMap((load) => (load.kind === 'refused' ? [load.problem] : [])),
        warnings: loads.flatMap((load) => {
          if (load.kind === 'refused' || load.value.kind !== 'pair') return [];
          return [...load.value.pair.warnings, ...coverWarnings(spec, load.value.pair.info)];
        }),
        loads,
      };
    },
    track(key, spec, prepared) {
      const id = idOf(key);
      const sources = sourcesOf(spec);
      const before = routes.get(id);
      for (const load of prepared.loads) table.hold(load, id);
      const kept = new Set(Object.values(sources).map((source) => source?.id));
      for (const source of Object.values(before?.sources ?? {})) {
        if (source && !kept.has(source.id)) table.release(source, id);
      }
      routes.set(id, { ...key, spec, sources });
    },
    untrack,
    material(key) {
      const route = routes.get(idOf(key));
      if (!route) return NONE;
      const { certificate, clientCa, backendCa } = route.sources;
      if (!certificate) return NONE;
      return {
        certificate: table.pair(certificate)?.pem ?? null,
        clientCaPem: clientCa && table.authorities(clientCa),
        backendCaPem: backendCa && table.authorities(backendCa),
      };
    },
    check: () => poller.lookAtAll(),
    reload() {
      const { reloaded, unchanged } = table.reload();
      return { reloaded, unchanged, failed: views().filter((view) => view.error !== '') };
    },
    list: () => views(),
    warnings() {
      return [...routes.values()].flatMap((route) => routeWarnings(route));
    },
    async [Symbol.asyncDispose]() {
      await poller[Symbol.asyncDispose]();
    },
  };

  function views(): CertificateView[] {
    return [...routes.values()].flatMap((route) => {
      const { certificate } = route.sources;
      if (!certificate) return [];
      const { listener, hostname, spec } = route;
      return [
        {
          listener,
          hostname,
          certPath: spec.tlsCert,
          info: table.pair(certificate)?.info ?? null,
          error: errorsOf(route),
        },
      ];
    });
  }

  function routeWarnings(route: TrackedRoute): string[] {
    const { certificate } = route.sources;
    if (!certificate) return [];
    const pair = table.pair(certificate);
    const error = errorsOf(route);
    const sentences = pair ? [...pair.warnings, ...coverWarnings(route.spec, pair.info)] : [];
    if (error !== '') sentences.unshift(pair ? `${error} (the earlier files stay in use)` : error);
    if (pair && pair.info.notAfter.getTime() <= now())
      sentences.unshift(`its certificate expired on ${pair.info.notAfter.toISOString()}`);
    return sentences.map((sentence) => `route ${route.hostname} on ${route.listener}: ${sentence}`);
  }

  function errorsOf(route: TrackedRoute): string {
    return Object.values(route.sources)
      .map((source) => (source ? table.error(source) : ''))
      .filter((error) => error !== '')
      .join('; ');
  }
}

function coverWarnings(spec: MaterialSpec, info: CertificateInfo): string[] {
  if (namesCover(info.names, spec.hostname)) return [];
  const names = info.names.length === 0 ? 'no name' : info.names.join(', ');
  return [`the certificate in ${spec.tlsCert} covers ${names}, not ${spec.hostname}; clients will reject it`];
}

/** One event a source, not a route: a certificate that 10,000 routes share must not fill the event log. */
function reportOutcome(
  deps: CertificatesDeps,
  users: readonly TrackedRoute[],
  source: TrackedSource,
  outcome: 'replaced' | 'refused',
): void {
  const [first] = users;
  if (!first) return;
  const others = users.length > 1 ? ` (and of ${users.length - 1} other routes)` : '';
  const what = outcome === 'refused' ? `refused: ${source.error}` : `reloaded from ${source.spec.paths.join(', ')}`;
  deps.report(
    { kind: 'certificate', listener: first.listener, route: first.hostname, detail: `${what}${others}` },
    outcome === 'refused' ? 'error' : 'info',
  );
}

function idOf(key: RouteKey): string {
  return `${key.listener}\n${key.hostname}`;
}
