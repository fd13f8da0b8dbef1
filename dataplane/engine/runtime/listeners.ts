import type { Logger } from '../../../mcdsl/logging/index.ts';
import { MAX_LISTENERS } from '../../proxy/gauges.ts';
import { listenEndpoint } from '../config/index.ts';
import type { WorkerPool } from '../worker/worker-pool.ts';

export interface BoundListener {
  readonly addr: string;
  readonly host: string;
  readonly port: number;
  readonly active: number;
}

/** The listening sockets: bound as the desired state names them, on every worker. */
export interface Listeners {
  /**
   * Binds what is new, then closes what is gone. Listeners that stay are not touched. Rejects at the first that can't be bound, with
   * those before it still bound: `reconcile` with the earlier addresses closes them again.
   */
  reconcile(addrs: readonly string[]): Promise<void>;
  list(): BoundListener[];
}

/** `inherited`: sockets of the service manager by name. */
export function createListeners(pool: WorkerPool, inherited: ReadonlyMap<string, number>, logger: Logger): Listeners {
  const bound = new Map<string, { readonly host: string; readonly port: number; readonly gauge: number }>();

  /** A column that no listener has and whose connections have ended. */
  function freeGauge(addr: string): number {
    const taken = new Set([...bound.values()].map(({ gauge }) => gauge));
    for (let gauge = 0; gauge < MAX_LISTENERS; gauge++) {
      if (!taken.has(gauge) && pool.gauges.active(gauge) === 0) return gauge;
    }
    throw new Error(
      `listener ${addr}: at most ${MAX_LISTENERS} listeners, those included whose last connections are open`,
    );
  }

  async function open(addr: string): Promise<void> {
    const gauge = freeGauge(addr);
    try {
      const { host, port } = await pool.listen(addr, listenEndpoint(addr, inherited), gauge);
      bound.set(addr, { host, port, gauge });
      logger.info('listening', { listener: addr, host, port });
    } catch (error) {
      throw new Error(`listener ${addr}: ${explain(error as NodeJS.ErrnoException)}`, { cause: error });
    }
  }

  async function close(addr: string): Promise<void> {
    await pool.unlisten(addr);
    bound.delete(addr);
    logger.info('no longer listening', { listener: addr });
  }

  return {
    async reconcile(addrs) {
      // New ones first: when one of them can't be bound, nothing that serves has been closed.
      for (const addr of addrs) if (!bound.has(addr)) await open(addr);
      for (const addr of bound.keys()) if (!addrs.includes(addr)) await close(addr);
    },
    list: () =>
      [...bound].map(([addr, { host, port, gauge }]) => ({ addr, host, port, active: pool.gauges.active(gauge) })),
  };
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program holds this address; "ss -ltnp" names it';
    case 'EACCES':
      return 'not permitted; ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit grants it)';
    case 'EADDRNOTAVAIL':
      return 'no interface of this machine has this address';
    default:
      return error.message;
  }
}
