import type { Logger } from '../../../mcdsl/logging/index.ts';
import { createHealthMonitor, type CheckedBackend, type HealthMonitor } from '../../proxy/health/index.ts';
import type { ListenerSnapshot } from '../../proxy/model.ts';
import type { EventLog } from '../events/index.ts';

export interface BackendHealth extends HealthMonitor {
  /** A sentence for `status` for each route that has a backend down. */
  warnings(): string[];
}

export interface BackendHealthDeps {
  readonly logger: Logger;
  readonly events: Pick<EventLog, 'record'>;
  /** Resolves when every worker decides by it. */
  readonly publish: (down: readonly string[]) => Promise<void>;
}

/** Routes with a backend down that `status` spells out. */
const MAX_NAMED = 20;

/** The health checks of the process, with what they find in the log, in the events and on every worker. */
export function createBackendHealth(
  listeners: readonly ListenerSnapshot[],
  { logger, events, publish }: BackendHealthDeps,
): BackendHealth {
  const monitor = createHealthMonitor(listeners, {
    publish(down) {
      publish(down).catch((error: unknown) =>
        logger.error('not every worker was told which backends are down', { err: error }),
      );
    },
    report({ listener, route, backend, isUp, problem }, routes) {
      const detail = `${backend} is ${isUp ? 'up again' : `down: ${problem}`}`;
      const shared = routes > 1 ? `; ${routes} routes share the check` : '';
      events.record({ kind: 'backend', listener, route, detail: detail + shared });
      const fields = { listener, route, backend, routes, ...(isUp ? {} : { problem }) };
      if (isUp) logger.info('a backend is up again', fields);
      else logger.warn('a backend is down', fields);
    },
  });
  return Object.assign(monitor, {
    warnings() {
      const byRoute = Map.groupBy(monitor.backends(), ({ listener, route }) => `route ${route} on ${listener}`);
      const sentences = [...byRoute].flatMap(([route, backends]) => {
        const down = backends.filter(({ isUp }) => !isUp);
        return down.length === 0 ? [] : [`${route}: ${sentenceOf(down, backends.length)}`];
      });
      const more = sentences.length - MAX_NAMED;
      return more > 0 ? [...sentences.slice(0, MAX_NAMED), `… and ${more} more routes with backends down`] : sentences;
    },
  });
}

function sentenceOf(down: readonly CheckedBackend[], of: number): string {
  const named = down.map(({ backend, problem }) => `${backend} (${problem})`).join(', ');
  if (down.length === of) return `every backend fails its health checks, and is tried all the same: ${named}`;
  return `${down.length} of ${of} backends fail their health checks: ${named}`;
}
