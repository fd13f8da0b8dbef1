import type { Logger } from '../../../mcdsl/logging/index.ts';
import { watchGeoip, type GeoipLoad, type GeoipWatcher } from '../../firewall/index.ts';
import type { GeoipView } from '../admin/index.ts';
import type { EventLog } from '../events/index.ts';

/** The GeoIP database of `[firewall] geoip_db`: watched, and followed when a reload of the configuration names another file. */
export interface GeoipSource extends AsyncDisposable {
  readonly buffer: SharedArrayBuffer | null;
  state(): GeoipView;
  /** Loads the file that `path` names now; empty: keeps what is loaded and watches nothing. A bad file changes nothing. */
  use(path: string): Promise<void>;
}

export interface GeoipSourceDeps {
  readonly logger: Logger;
  readonly events: EventLog;
  /** A database was loaded: decide by it from now on. Resolves when every worker does. */
  loaded(buffer: SharedArrayBuffer): Promise<void>;
}

export function createGeoipSource({ logger, events, loaded }: GeoipSourceDeps): GeoipSource {
  let watcher: GeoipWatcher | null = null;
  let path = '';
  let inUse: Extract<GeoipLoad, { kind: 'loaded' }> | null = null;
  let earlierFailures = 0;
  let serving: Promise<void> = Promise.resolve();

  function took(file: string, load: GeoipLoad): void {
    switch (load.kind) {
      case 'loaded':
        inUse = load;
        serving = loaded(load.buffer).then(
          () => {
            logger.info('the GeoIP database was loaded', { file, type: load.type, built: builtAt(load.buildEpoch) });
            events.record({ kind: 'geoip', detail: `${file}: ${load.type}, built ${builtAt(load.buildEpoch)}` });
          },
          (error: unknown) => logger.error('not every worker took the GeoIP database over', { file, err: error }),
        );
        return;
      case 'failed': {
        const kept = inUse ? 'the one before stays in use' : 'no country is blocked until a good one is there';
        logger.error(`the GeoIP database was refused; ${kept}`, { file, reason: load.reason });
        events.record({ kind: 'geoip', detail: `${file} was refused: ${load.reason}` });
        return;
      }
      default:
        load satisfies never;
    }
  }

  return {
    get buffer() {
      return inUse?.buffer ?? null;
    },
    state: () => ({
      path,
      loaded: inUse && { type: inUse.type, builtAt: new Date(inUse.buildEpoch * 1000) },
      reloadFailures: earlierFailures + (watcher?.reloadFailures ?? 0),
      lastError: watcher?.lastError ?? '',
    }),
    async use(next) {
      if (next !== path) {
        earlierFailures += watcher?.reloadFailures ?? 0;
        await watcher?.[Symbol.asyncDispose]();
        watcher = next === '' ? null : watchGeoip(next, (load) => took(next, load));
        path = next;
      }
      await watcher?.reload();
      await serving;
    },
    async [Symbol.asyncDispose]() {
      await watcher?.[Symbol.asyncDispose]();
    },
  };
}

function builtAt(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString();
}
