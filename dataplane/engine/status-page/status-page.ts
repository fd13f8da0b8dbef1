import { readFileSync } from 'node:fs';
import { Eta } from 'eta';
import type { HttpAnswer, Sample } from '../../../mcdsl/metrics/index.ts';
import { formatDuration, formatSize } from '../../../mcdsl/terminal/index.ts';
import type { Event } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { BoundListener, ServerView } from '../admin/index.ts';
import type { CertificateView } from '../certificates/index.ts';

/** What the page shows. */
export interface StatusSource {
  server(): ServerView;
  bound(): readonly BoundListener[];
  certificates(): readonly CertificateView[];
  recentEvents(last: number): readonly Event[];
  samples(): Promise<readonly Sample[]>;
}

interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly empty: string;
  /** Rows left out. */
  readonly more: number;
}

const MAX_ROWS = 50;
const EVENTS = 20;
const DAY_MS = 86_400_000;

const eta = new Eta({ autoEscape: true });
const page = eta.compile(asset('status-page.eta'));
const style = asset('status-page.css');

/**
 * The figures of `/metrics` for people: one page without scripts and without any other request, made anew at each call. Text of
 * clients (SNI, rules, details) is escaped by the template.
 */
export async function statusPage(source: StatusSource, now = Date.now()): Promise<HttpAnswer> {
  const samples = await source.samples();
  const { version, engine, workers, startedAt, state, warnings } = source.server();
  const view = {
    version,
    engine,
    workers,
    state,
    warnings,
    style,
    uptime: formatDuration(now - startedAt.getTime()),
    madeAt: new Date(now).toISOString(),
    tables: [
      listeners(source.bound(), samples),
      counted('Refused', ['reason', 'listener'], 'mc_proxy_refused_total', samples, 'Nothing was refused.'),
      counted('Requests', ['route', 'code', 'protocol'], 'mc_proxy_requests_total', samples, 'No L7 request yet.'),
      backends(samples),
      queues(samples),
      traffic(samples),
      certificates(source.certificates(), now),
      events(source.recentEvents(EVENTS)),
    ],
  };
  return { status: 200, contentType: 'text/html; charset=utf-8', body: eta.render(page, view) };
}

function listeners(bound: readonly BoundListener[], samples: readonly Sample[]): Table {
  const routes = new Map(samples.filter(named('mc_proxy_served_routes')).map((s) => [s.labels['listener'], s.value]));
  const rows = bound.map(({ addr, host, port, active }) => [
    addr,
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    String(routes.get(addr) ?? 0),
    String(active),
  ]);
  return table('Listeners', ['listener', 'bound', 'routes', 'open connections'], rows, 'No listener is bound.');
}

/** The series of a counter, the largest first. */
function counted(
  title: string,
  labels: readonly string[],
  name: string,
  samples: readonly Sample[],
  empty: string,
): Table {
  const rows = samples
    .filter(named(name))
    .toSorted((a, b) => b.value - a.value)
    .map(({ labels: given, value }) => [...labels.map((label) => given[label] ?? ''), String(value)]);
  return table(title, [...labels, 'count'], rows, empty);
}

/** Backends that are checked or have been tried, those in trouble first. */
function backends(samples: readonly Sample[]): Table {
  const rows = new Map<string, { labels: string[]; figures: Map<string, number> }>();
  for (const { name, labels, value } of samples) {
    if (!name.startsWith('mc_proxy_backend_')) continue;
    const words = ['listener', 'route', 'backend'].map((label) => labels[label] ?? '');
    const row = rows.get(words.join(' ')) ?? { labels: words, figures: new Map<string, number>() };
    rows.set(words.join(' '), row);
    row.figures.set(name, value);
  }
  const cells = [...rows.values()].map(({ labels, figures }) => {
    const count = (name: string): string => String(figures.get(`mc_proxy_backend_${name}`) ?? 0);
    return [
      ...labels,
      backendState(figures),
      count('active_sessions'),
      count('connect_failures_total'),
      count('ejections_total'),
    ];
  });
  return table(
    'Backends',
    ['listener', 'route', 'backend', 'state', 'active', 'connect failures', 'ejections'],
    cells.toSorted((a, b) => Number(isFine(a[3])) - Number(isFine(b[3]))),
    'No backend was tried yet.',
  );
}

function backendState(figures: ReadonlyMap<string, number>): string {
  if (figures.get('mc_proxy_backend_state') === 0) return 'down';
  if ((figures.get('mc_proxy_backend_ejected_workers') ?? 0) > 0) return 'ejected';
  return figures.has('mc_proxy_backend_state') ? 'up' : 'not checked';
}

function isFine(state = ''): boolean {
  return state !== 'down' && state !== 'ejected';
}

function queues(samples: readonly Sample[]): Table {
  const rows = samples.filter(named('mc_proxy_queued_items')).map((s) => [s.labels['queue'] ?? '', String(s.value)]);
  return table('Queues', ['queue', 'waiting'], rows, 'No queue is known.');
}

function traffic(samples: readonly Sample[]): Table {
  const rows = samples
    .filter(named('mc_proxy_relayed_bytes_total'))
    .map(({ labels, value }) => [labels['mode'] ?? '', labels['direction'] ?? '', formatSize(value)]);
  return table('Traffic', ['mode', 'direction', 'bytes'], rows, 'No payload yet.');
}

function certificates(views: readonly CertificateView[], now: number): Table {
  const rows = views
    .toSorted((a, b) => (a.info?.notAfter.getTime() ?? 0) - (b.info?.notAfter.getTime() ?? 0))
    .map(({ hostname, listener, info, error }) => [
      hostname,
      listener,
      info ? ((info.notAfter.getTime() - now) / DAY_MS).toFixed(1) : 'none in use',
      error,
    ]);
  return table('Certificates', ['host', 'listener', 'days left', 'problem'], rows, 'No route terminates TLS.');
}

function events(recent: readonly Event[]): Table {
  const rows = recent
    .toReversed()
    .map(({ time, kind, reason, client, sni, rule, detail }) => [
      time?.toISOString() ?? '',
      reason === '' ? kind : reason,
      client,
      sni,
      [rule, detail].filter((text) => text !== '').join(' '),
    ]);
  return table('Last events', ['time', 'event', 'client', 'sni', 'detail'], rows, 'Nothing happened yet.');
}

function table(title: string, columns: readonly string[], rows: readonly (readonly string[])[], empty: string): Table {
  return { title, columns, rows: rows.slice(0, MAX_ROWS), empty, more: Math.max(0, rows.length - MAX_ROWS) };
}

function named(name: string): (sample: Sample) => boolean {
  return (sample) => sample.name === name;
}

function asset(file: string): string {
  return readFileSync(new URL(`./${file}`, import.meta.url), 'utf8');
}
