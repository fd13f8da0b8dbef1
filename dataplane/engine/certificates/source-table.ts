import { signatureOf, type CertificatePair } from '../../../mcdsl/tls/index.ts';
import { loadSource, sameValue, type SourceLoad, type SourceSpec, type SourceValue } from './source.ts';

export interface TrackedSource {
  readonly spec: SourceSpec;
  /** Ids of the routes that use it. */
  readonly users: Set<string>;
  /** In use; stays when a later load is refused. */
  value: SourceValue | null;
  /** Of the files as last loaded or refused. */
  signature: string;
  /** A signature that differs and was seen once. Two files are replaced one after the other; a change must hold still first. */
  pending: string | null;
  /** Why the files of `signature` are not in use; empty when they are. */
  error: string;
}

/** Every file that routes use, each once however many routes share it. */
export interface SourceTable {
  /** What the files hold now: as tracked while they are unchanged, else read; changes nothing. */
  look(spec: SourceSpec): SourceLoad;
  /** The user depends on the source from now on; a load newer than what is in use is taken over for all of its users. */
  hold(load: SourceLoad, user: string): void;
  release(spec: SourceSpec, user: string): void;
  pair(spec: SourceSpec): CertificatePair | null;
  authorities(spec: SourceSpec): string | null;
  error(spec: SourceSpec): string;
  ids(): string[];
  paths(id: string): readonly string[] | null;
  /** Tells what a look at the files of one source found. */
  seen(id: string, signature: string): void;
  reload(): { reloaded: number; unchanged: number };
}

type Outcome = 'replaced' | 'refused';

export function createSourceTable(
  now: () => number,
  settled: (source: TrackedSource, outcome: Outcome) => void,
): SourceTable {
  const sources = new Map<string, TrackedSource>();

  /** Takes a load over into the source: the one place where what is in use changes. */
  const adopt = (source: TrackedSource, load: SourceLoad): Outcome | 'unchanged' => {
    const errorBefore = source.error;
    source.signature = load.signature;
    source.pending = null;
    if (load.kind === 'refused') {
      source.error = load.problem.message;
      return source.error === errorBefore ? 'unchanged' : 'refused';
    }
    source.error = '';
    if (source.value && sameValue(source.value, load.value)) return 'unchanged';
    source.value = load.value;
    return 'replaced';
  };

  const refresh = (source: TrackedSource): Outcome | 'unchanged' => {
    const outcome = adopt(source, loadSource(source.spec, now()));
    if (outcome !== 'unchanged') settled(source, outcome);
    return outcome;
  };

  const look = (spec: SourceSpec): SourceLoad => {
    const source = sources.get(spec.id);
    if (source?.value && source.error === '' && source.signature === signatureOf(spec.paths)) {
      return { kind: 'loaded', spec, signature: source.signature, value: source.value };
    }
    return loadSource(spec, now());
  };

  return {
    look,
    hold(load, user) {
      const { spec } = load;
      const source = sources.get(spec.id) ?? {
        spec,
        users: new Set(),
        value: null,
        signature: '',
        pending: null,
        error: '',
      };
      sources.set(spec.id, source);
      const outcome = load.signature === source.signature ? 'unchanged' : adopt(source, load);
      // The new user learns of it by its own publication; the others have to be told.
      if (outcome !== 'unchanged' && source.users.size > 0) settled(source, outcome);
      source.users.add(user);
    },
    release(spec, user) {
      const source = sources.get(spec.id);
      source?.users.delete(user);
      if (source?.users.size === 0) sources.delete(spec.id);
    },
    pair(spec) {
      const value = sources.get(spec.id)?.value;
      return value?.kind === 'pair' ? value.pair : null;
    },
    authorities(spec) {
      const value = sources.get(spec.id)?.value;
      return value?.kind === 'authorities' ? value.pem : null;
    },
    error: (spec) => sources.get(spec.id)?.error ?? '',
    ids: () => [...sources.keys()],
    paths: (id) => sources.get(id)?.spec.paths ?? null,
    seen(id, signature) {
      const source = sources.get(id);
      if (!source) return;
      if (signature === source.signature) source.pending = null;
      else if (signature === source.pending) refresh(source);
      else source.pending = signature;
    },
    reload() {
      let reloaded = 0;
      for (const source of sources.values()) if (refresh(source) === 'replaced') reloaded++;
      return { reloaded, unchanged: [...sources.values()].filter((source) => source.error === '').length - reloaded };
    },
  };
}
