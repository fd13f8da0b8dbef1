/** The programs that a scenario may compare us with. */
export const RIVALS = ['haproxy', 'nginx', 'caddy'] as const;
export type RivalName = (typeof RIVALS)[number];
export type ServerName = 'ours' | RivalName;

/** What a run needs from outside the checkout: each is one file of a Debian package that bench/rivals installs. */
export type Part = RivalName | 'nginx-stream' | 'wrk' | 'h2load';

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
  /** What the server under test relays to. */
  readonly backendPort: number;
  /** Workers of ours and of nginx, threads of HAProxy, GOMAXPROCS of Caddy. */
  readonly workers: number;
  readonly tls: TlsFiles;
  /** A whole ClientHello for `STREAM_HOST`, as OpenSSL sends it. */
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

/** What stands behind the servers under test. Its CPU time is counted for nobody. */
export interface Backend {
  /** For the report: what it is and what it answers. */
  readonly about: string;
  readonly needs: readonly Part[];
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
}

/** One kind of work, as data: a file of `scenarios/` that exports it as `scenario`, under the file's name. */
export interface Scenario {
  readonly name: string;
  /** One sentence for the report: what is done, with how many at once. */
  readonly about: string;
  /** The unit of work, in the singular: connection, request, GB. */
  readonly unit: string;
  readonly backend: Backend;
  /** Text by file name, written to `site.filesDir` before anything starts. */
  files?(site: Pick<Site, 'filesDir' | 'helloFile'>): Readonly<Record<string, string>>;
  readonly ours: Config;
  readonly rivals: Partial<Readonly<Record<RivalName, Config>>>;
  /** The load, in a process of its own that ends after about `seconds`. */
  readonly load: { readonly needs: readonly Part[]; command(site: Site, seconds: number): Command };
  /** Reads what the load has written to stdout. Throws when it cannot. */
  count(output: string): Count;
  /** Rejects unless the server on `site.port` answers as every server of this scenario has to. */
  check(site: Site): Promise<void>;
}

/** One server under load once. */
export interface Sample {
  readonly units: number;
  readonly elapsedMs: number;
  /** User and system time of the server's whole process tree. */
  readonly cpuMs: number;
}

/** One turn of all servers, one after the other. */
export type Round = { readonly ours: Sample } & { readonly [rival in RivalName]?: Sample };

export type ScenarioResult = {
  readonly name: string;
  readonly about: string;
  readonly unit: string;
  readonly backend: string;
  /** Rivals that the scenario wants and the machine lacks. */
  readonly missing: readonly RivalName[];
} & (
  | {
      readonly kind: 'measured';
      /** What moves our bytes, as our server says: native or portable. */
      readonly engine: string;
      readonly rounds: readonly Round[];
    }
  /** Nothing came out: a part is missing, an answer was wrong, a round had errors. */
  | { readonly kind: 'failed'; readonly why: string }
);

export interface RunSettings {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly workers: number;
}
