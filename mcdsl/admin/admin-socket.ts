import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGrpcServer } from '../grpc/index.ts';
import type { GrpcLimits, ServedService } from '../grpc/index.ts';
import { healthService } from '../health/index.ts';
import type { Health } from '../health/index.ts';
import type { DrainControl } from '../lifecycle/drain-control.ts';
import type { Logger } from '../logging/index.ts';
import { bindUnixSocket } from './bind.ts';
import { drainService } from './drain.ts';
import { statsService } from './stats.ts';
import type { StatsSource } from './stats.ts';

export type AdminSocketOptions = {
  /** `[admin] socket`. */
  readonly path: string;
  /** Permission bits; 0o660 when left out. Together with the group they are the access control. */
  readonly mode?: number;
  /** Name or number; empty or left out: the process's own group. */
  readonly group?: string;
  /** The server's own services, beside health, stats and drain. */
  readonly services: readonly ServedService[];
  readonly health: Health;
  readonly stats: StatsSource;
  readonly drain: DrainControl;
  readonly logger: Logger;
  /** `replace` for a process that takes over from a running one; that one then leaves the path alone. */
  readonly whenLive?: 'refuse' | 'replace';
  readonly limits?: Partial<GrpcLimits>;
  readonly maxConnections?: number;
};

export type AdminSocket = AsyncDisposable & {
  readonly path: string;
  /** Removes the socket, then lets calls under way finish for `graceMs`. */
  close(graceMs: number): Promise<void>;
};

const defaultMode = 0o660;
const defaultMaxConnections = 128;
const disposeGraceMs = 250;

/**
 * Opens the admin socket of a server.
 * @throws SystemError of `socketErrors` when the path is in use, impossible or not permitted
 */
export async function createAdminSocket(options: AdminSocketOptions): Promise<AdminSocket> {
  const { logger } = options;
  const server = createGrpcServer({
    transport: 'unix',
    services: [
      healthService(options.health),
      statsService(options.stats),
      drainService(options.drain),
      ...options.services,
    ],
    logger,
    limits: options.limits ?? {},
  });
  const bound = await bindUnixSocket(
    {
      path: options.path,
      mode: options.mode ?? defaultMode,
      group: options.group ?? '',
      whenLive: options.whenLive ?? 'refuse',
      maxConnections: options.maxConnections ?? defaultMaxConnections,
      logger,
    },
    (socket) => server.accept(socket),
  );
  logger.info('admin socket open', { path: bound.path, services: server.serviceNames });
  let closing: Promise<void> | null = null;
  const close = async (graceMs: number): Promise<void> => {
    try {
      bound.release();
    } finally {
      // Who watches a drain is told of its end in this turn of the loop; then streams are cut.
      await nextTurn();
      await server.close(graceMs);
    }
  };
  return {
    path: bound.path,
    close(graceMs) {
      closing ??= close(graceMs);
      return closing;
    },
    async [Symbol.asyncDispose]() {
      closing ??= close(disposeGraceMs);
      await closing;
    },
  };
}
