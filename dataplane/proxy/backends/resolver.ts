import { lookup } from 'node:dns/promises';
import { parseBackendAddress, type BackendAddress } from './address.ts';

/** Where a backend can be reached now; `ips` has at least one entry, in the order to try them. */
export interface ResolvedAddress {
  readonly ips: readonly string[];
  readonly port: number;
}

export interface Resolver extends Disposable {
  /**
   * The answer that needs no waiting: a numeric backend, or a name that was resolved before (stale answers included, which
   * are then looked up again in the background). Null when a lookup is needed first. Throws BackendAddressError.
   */
  resolved(backend: string): ResolvedAddress | null;
  /** As resolved(), and waits for the lookup. Lookups of one name under way are shared. Rejects with BackendAddressError. */
  resolve(backend: string): Promise<ResolvedAddress>;
}

export interface ResolverOptions {
  /** How long an answer of the resolver is used without asking again. */
  readonly ttlMs?: number;
  /** Bound of the table of names; the least recently used name goes first. */
  readonly maxNames?: number;
  /** All addresses of a name, in the order to try them. */
  readonly lookupAll?: (host: string) => Promise<readonly string[]>;
}

/** A backend whose address can't be known: malformed, or its name does not resolve. */
export class BackendAddressError extends Error {
  readonly code = 'backend_address';
  readonly backend: string;

  constructor(backend: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BackendAddressError';
    this.backend = backend;
  }
}

interface NameEntry {
  ips: readonly string[] | null;
  /** On the clock of performance.now(). */
  freshUntil: number;
  pending: Promise<readonly string[]> | null;
}

/** Names are looked up through the system's resolver, kept for ttlMs, and kept longer while the resolver fails. */
export function createResolver(options: ResolverOptions = {}): Resolver {
  const { ttlMs = 30_000, maxNames = 4096, lookupAll = systemLookup } = options;
  const parsed = new Map<string, BackendAddress>();
  const numeric = new Map<string, ResolvedAddress>();
  const names = new Map<string, NameEntry>();

  function parse(backend: string): BackendAddress {
    const known = parsed.get(backend);
    if (known) return known;
    const address = parseBackendAddress(backend);
    if (!address) throw new BackendAddressError(backend, `backend "${backend}" is not host:port or [v6]:port`);
    if (parsed.size >= maxNames) evictOldest(parsed);
    parsed.set(backend, address);
    return address;
  }

  function entryOf(host: string): NameEntry {
    const known = names.get(host);
    if (known) {
      names.delete(host);
      names.set(host, known);
      return known;
    }
    if (names.size >= maxNames) evictOldest(names);
    const entry: NameEntry = { ips: null, freshUntil: 0, pending: null };
    names.set(host, entry);
    return entry;
  }

  function refresh(host: string, entry: NameEntry): Promise<readonly string[]> {
    entry.pending ??= lookupAll(host)
      .then((ips) => {
        if (ips.length === 0) throw new Error(`no addresses for ${host}`);
        entry.ips = ips;
        return ips;
      })
      .finally(() => {
        // A failed lookup is not repeated at once either; what was known stays in use until the next success.
        entry.freshUntil = performance.now() + ttlMs;
        entry.pending = null;
      });
    return entry.pending;
  }

  function known(backend: string, address: BackendAddress): ResolvedAddress | null {
    if (address.ip !== null) {
      const cached = numeric.get(backend);
      if (cached) return cached;
      const answer = { ips: [address.ip], port: address.port };
      if (numeric.size >= maxNames) evictOldest(numeric);
      numeric.set(backend, answer);
      return answer;
    }
    const entry = entryOf(address.host);
    if (entry.ips === null) return null;
    if (performance.now() >= entry.freshUntil) refresh(address.host, entry).catch(keepStale);
    return { ips: entry.ips, port: address.port };
  }

  return {
    resolved: (backend) => known(backend, parse(backend)),
    async resolve(backend) {
      const address = parse(backend);
      const answer = known(backend, address);
      if (answer) return answer;
      try {
        return { ips: await refresh(address.host, entryOf(address.host)), port: address.port };
      } catch (error) {
        throw new BackendAddressError(backend, `backend "${backend}": the name does not resolve`, { cause: error });
      }
    },
    [Symbol.dispose]() {
      parsed.clear();
      numeric.clear();
      names.clear();
    },
  };
}

/** The answer in use stays in use; whoever connects to it finds out whether it still serves. */
function keepStale(): void {}

function evictOldest<K>(map: Map<K, unknown>): void {
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

async function systemLookup(host: string): Promise<readonly string[]> {
  const answers = await lookup(host, { all: true, order: 'verbatim' });
  return answers.map((answer) => answer.address);
}
