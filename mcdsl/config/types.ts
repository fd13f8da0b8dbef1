import type { z } from 'zod';

/** Keys and array indexes from the document's root, e.g. `['listeners', 0, 'addr']`. */
export type ConfigPath = readonly (string | number)[];

/** Where a setting comes from. Lines and columns count from 1; columns and lengths count characters (code points). */
export type Place =
  | { kind: 'line'; file: string; line: number; column: number; length: number; text: string }
  | { kind: 'file'; file: string }
  | { kind: 'variable'; name: string };

export type Severity = 'error' | 'warning';

export type ProblemKind =
  'file' | 'syntax' | 'duplicate' | 'unknown-key' | 'missing' | 'type' | 'value' | 'check' | 'alias' | 'environment';

export interface Problem {
  severity: Severity;
  kind: ProblemKind;
  path: ConfigPath;
  place: Place;
  message: string;
  /** What would be right, e.g. `a duration such as "5s"`. */
  expected: string | null;
  /** What was probably meant, as it would be written in the file, e.g. `"rate_limit"`. */
  suggestion: string | null;
  /** Another place that explains the problem, e.g. the first of two equal hostnames. */
  related: { place: Place; message: string } | null;
}

export type PlacePart = 'key' | 'value';

/** Knows where every setting of a loaded configuration was given. */
export interface ConfigSources {
  readonly file: string;
  /** The place of a setting, or of its nearest parent that is in the file. */
  place(path: ConfigPath, part?: PlacePart): Place;
}

export interface ReportDetails {
  severity?: Severity;
  expected?: string;
  suggestion?: string;
  /** Point at the key instead of the value. */
  at?: PlacePart;
  related?: { path: ConfigPath; message: string };
}

/** Adds a problem at a key of the configuration, or at its nearest parent that is in the file. */
export interface Reporter {
  (path: ConfigPath, message: string, details?: ReportDetails): void;
  /**
   * True when settings with mistakes were left out of `config`, so that the remaining ones can still be checked.
   * A check must then not claim that something is absent.
   */
  readonly partial: boolean;
}

/** A second name of a setting; both are paths of table keys. Giving both is a problem. */
export interface Alias {
  from: readonly string[];
  to: readonly string[];
}

export interface ConfigDefinition<S extends z.ZodObject> {
  /** The service's name, e.g. `mc-proxy`; environment variables start with `MC_PROXY_`. */
  service: string;
  schema: S;
  aliases?: readonly Alias[];
  /** Checks across fields. Runs on every configuration whose shape could be read, also when other settings are wrong. */
  check?(config: z.output<S>, report: Reporter): void;
}

/** A configuration that nothing can change. */
export type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends Date
    ? T
    : T extends object
      ? { readonly [K in keyof T]: Frozen<T[K]> }
      : T;

export type Environment = Readonly<Record<string, string | undefined>>;

export type LoadResult<T> =
  | { ok: true; config: Frozen<T>; warnings: readonly Problem[]; sources: ConfigSources }
  | { ok: false; problems: readonly Problem[]; sources: ConfigSources };
