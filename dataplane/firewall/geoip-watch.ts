import { stat } from 'node:fs/promises';
import { fileSignature, loadGeoipDatabase, type GeoipLoad } from './geoip-load.ts';

export type LoadedGeoip = Extract<GeoipLoad, { kind: 'loaded' }>;

/** Keeps the last good database of a path: a file that is refused changes nothing but the counter. */
export interface GeoipWatcher extends AsyncDisposable {
  readonly current: LoadedGeoip | null;
  /** For mc_proxy_geoip_reload_failures_total. */
  readonly reloadFailures: number;
  /** Why the last load failed; null when it succeeded or none was tried. */
  readonly lastError: string | null;
  /** Loads now, whether or not the file changed: at start and on SIGHUP. Loads run one after another. */
  reload(): Promise<GeoipLoad>;
}

export interface GeoipWatchOptions {
  /** Default 2000. A changed file is loaded once it has stayed the same for one interval. */
  readonly pollMs?: number;
  readonly maxBytes?: number;
}

const DEFAULT_POLL_MS = 2000;
const ABSENT = 'absent';

/**
 * Calls `onLoad` after each load, good or refused, with what to swap in or to log. Looks at the path's identity, size and
 * time by polling: unlike notifications this sees renames, bind mounts and network file systems, and a copy in progress, which
 * keeps changing, is left alone until it rests. The first load is the caller's: `await watcher.reload()`.
 */
export function watchGeoip(
  path: string,
  onLoad: (load: GeoipLoad) => void,
  options: GeoipWatchOptions = {},
): GeoipWatcher {
  let current: LoadedGeoip | null = null;
  let reloadFailures = 0;
  let lastError: string | null = null;
  let lastTried: string | null = null;
  let pending: string | null = null;
  let chain: Promise<unknown> = Promise.resolve();
  let disposed = false;
  let timer: NodeJS.Timeout | undefined;

  async function load(): Promise<GeoipLoad> {
    lastTried = await signatureOf(path);
    const result = await loadGeoipDatabase(path, options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes });
    if (disposed) return result;
    switch (result.kind) {
      case 'loaded':
        current = result;
        lastError = null;
        lastTried = result.signature;
        break;
      case 'failed':
        reloadFailures++;
        lastError = result.reason;
        break;
      default:
        result satisfies never;
    }
    onLoad(result);
    return result;
  }

  function reload(): Promise<GeoipLoad> {
    const next = chain.then(load);
    // Only the order matters here: an error is the caller's.
    chain = next.catch(() => undefined);
    return next;
  }

  async function poll(): Promise<void> {
    const signature = await signatureOf(path);
    const rests = signature === pending;
    pending = signature;
    if (rests && lastTried !== null && signature !== lastTried) await reload();
  }

  function schedule(): void {
    if (disposed) return;
    timer = setTimeout(() => void poll().finally(schedule), options.pollMs ?? DEFAULT_POLL_MS);
    timer.unref();
  }

  schedule();
  return {
    get current() {
      return current;
    },
    get reloadFailures() {
      return reloadFailures;
    },
    get lastError() {
      return lastError;
    },
    reload,
    async [Symbol.asyncDispose]() {
      disposed = true;
      clearTimeout(timer);
      await chain;
    },
  };
}

async function signatureOf(path: string): Promise<string> {
  try {
    return fileSignature(await stat(path, { bigint: true }));
  } catch {
    // Whatever keeps the file from being seen keeps it from being read: the load reports it.
    return ABSENT;
  }
}
