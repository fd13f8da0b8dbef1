/** The names under which servers are reached: both in the certificate, `WEB_HOST` resolves to loopback everywhere. */
export const WEB_HOST = 'localhost';
export const STREAM_HOST = 'l4.bench.test';

/** What configurations, checks and loads are written from. Everything listens on 127.0.0.1. */
export interface Site {
  /** The server's own directory. */
  readonly dir: string;
  /** Where the scenario's files are. */
  readonly filesDir: string;
  /** Where the server under test listens; where the backend does, in the backend's own configuration. */
  readonly port: number;
  /** What the server under test relays to; 0 without a backend. */
  readonly backendPort: number;
  /** Workers of ours and of nginx, threads of HAProxy, GOMAXPROCS of Caddy. */
  readonly workers: number;
  /** The point of the scenario's scale, 0 without one. */
  readonly size: number;
  /** The load meets the backend itself, without a server between. */
  readonly direct: boolean;
  readonly tls: TlsFiles;
  /** A whole ClientHello for the name that the scenario asks for, as OpenSSL sends it. */
  readonly helloFile: string;
}

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Certificate and key in one file, as HAProxy reads them. */
  readonly pem: string;
}

/** The text of a configuration file. */
export type Config = (site: Site) => string;

export type Command = readonly [program: string, ...args: string[]];

/** How one kind of server is run in the foreground on a configuration file. */
export interface ServerKind {
  /** Parts of `rivals.list` without which it does not run. */
  readonly needs: readonly string[];
  readonly configName: string;
  run(config: string): Command;
  /** Checks the file without serving. */
  test?(config: string): Command;
  env?(site: Site): NodeJS.ProcessEnv;
}

/** A server in a scenario. */
export interface Contestant {
  readonly server: ServerKind;
  readonly config: Config;
  /** Before it starts: what the configuration file cannot say. */
  prepare?(site: Site): void | Promise<void>;
}

/** What stands behind the servers under test. Its CPU time is counted for nobody. */
export interface Backend {
  /** For the report: what it is and what it answers. */
  readonly about: string;
  readonly needs: readonly string[];
  /** `site.port` is the backend's own. */
  readonly config?: Config;
  /** `config` is the file's path, or '' without one. */
  command(site: Site, config: string): Command;
}

export interface Count {
  /** Whole units of work that were done right. */
  readonly units: number;
  /** What went wrong, one entry a kind; any entry fails the round. */
  readonly errors: readonly string[];
  /** What the load itself has timed, in µs: a percentile of latency, or the median of changes. */
  readonly timedUs?: number;
}

export interface LoadRunSettings {
  readonly seconds: number;
  /** Units a second to keep to; null: as fast as it goes. */
  readonly rate: number | null;
}

export interface Load {
  readonly needs: readonly string[];
  /** In a process of its own that ends after about `seconds`. */
  command(site: Site, run: LoadRunSettings): Command;
  /** `half`: rounds run at half of the rate that the slowest server reached while it warmed up. */
  readonly pace?: 'half';
  /** It prints a first line when what it holds open is all there: then memory is read. */
  readonly holds?: true;
}

/**
 * What of a scenario counts, each of it better when it is less:
 * `cpu` CPU time per unit; `memory` resident memory with `memoryAt` units open; `latency` what a server adds to the latency that
 * the backend itself has in the same round; `time` what the load has timed.
 */
export type Metric = 'cpu' | 'memory' | 'latency' | 'time';

export interface Scale {
  /** In the plural and in the singular: routes, route. */
  readonly what: string;
  readonly one: string;
  /** Ascending. */
  readonly sizes: readonly number[];
  /** Which memory grows with the size. */
  readonly memory: 'idle' | 'loaded';
}

/** One kind of work, as data: a file of `scenarios/` that exports it as `scenario`, under the file's name. */
export interface Scenario {
  readonly name: string;
  /** One sentence for the report: what is done, with how many at once. */
  readonly about: string;
  /** The unit of work, in the singular: connection, request, GB. */
  readonly unit: string;
  readonly metric: Metric;
  /** Units that `memory` is scaled to. */
  readonly memoryAt?: number;
  /** Every server is measured at each size of it. */
  readonly scale?: Scale;
  readonly backend?: Backend;
  /** The name in the ClientHello of `site.helloFile`; left out: STREAM_HOST. */
  readonly helloFor?: string;
  /** Content by file name, written to `site.filesDir` before anything starts. */
  files?(site: Pick<Site, 'filesDir' | 'helloFile'>): Readonly<Record<string, string | Uint8Array>>;
  readonly ours: Contestant;
  readonly rivals: Readonly<Record<string, Contestant>>;
  readonly load: Load;
  /** Reads what the load has written to stdout. Throws when it cannot. */
  count(output: string, site: Site): Count;
  /** Rejects unless the server on `site.port` answers as every server of this scenario has to. */
  check(site: Site): Promise<void>;
}

/** Parts of `rivals.list` that the scenario can make use of. */
export function partsOf({ ours, rivals, backend, load }: Scenario): string[] {
  const servers = [ours, ...Object.values(rivals)].flatMap(({ server }) => server.needs);
  return [...new Set([...servers, ...(backend?.needs ?? []), ...load.needs])];
}
