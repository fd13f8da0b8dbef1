import type { Route } from '../model.ts';
import { createBackendPool, type BackendPool } from './backend-pool.ts';
import { checkIdOf } from './check-id.ts';

/** A backend of a route as one worker sees it. */
export interface BackendState {
  readonly listener: string;
  readonly route: string;
  readonly backend: string;
  /** Connections (L4) or requests (L7) that it serves now. */
  readonly active: number;
  /** Left out now after connect failures. */
  readonly ejected: boolean;
}

/** The pools of one worker, L4 and L7 alike: one for each route object, made when its first client comes. */
export interface BackendPools {
  poolOf(listener: string, route: Route): BackendPool;
  /** The route is served no more; its pool is forgotten once its last client is gone. */
  retire(route: Route): void;
  /** Backends of pools that have had a client; those of one route are summed over its route objects. */
  states(): BackendState[];
}

export interface BackendPoolsDeps {
  /** Ids of backends that fail their health checks, kept by somebody else. */
  readonly down: ReadonlySet<string>;
  readonly connectFailed: (listener: string, route: string, backend: string, isEjected: boolean) => void;
}

interface Entry {
  readonly listener: string;
  readonly pool: BackendPool;
}

export function createBackendPools({ down, connectFailed }: BackendPoolsDeps): BackendPools {
  const entries = new Map<Route, Entry>();
  const retired = new WeakSet<Route>();

  function forgetIdle(route: Route): void {
    if (entries.get(route)?.pool.backends.every(({ active }) => active === 0)) entries.delete(route);
  }

  return {
    poolOf(listener, route) {
      const known = entries.get(route);
      if (known) return known.pool;
      const pool = createBackendPool(route.backends, {
        isDown: downTest(route, down),
        onConnectFailed: (backend, isEjected) => connectFailed(listener, route.hostname, backend, isEjected),
      });
      entries.set(route, { listener, pool });
      return pool;
    },
    retire(route) {
      retired.add(route);
      forgetIdle(route);
    },
    states() {
      const states = new Map<string, BackendState>();
      for (const [route, { listener, pool }] of entries) {
        for (const { address, active, ejected } of pool.backends) {
          const key = JSON.stringify([listener, route.hostname, address]);
          const other = states.get(key);
          states.set(key, {
            listener,
            route: route.hostname,
            backend: address,
            active: active + (other?.active ?? 0),
            ejected: retired.has(route) ? (other?.ejected ?? false) : ejected,
          });
        }
        if (retired.has(route)) forgetIdle(route);
      }
      return [...states.values()];
    },
  };
}

/** Null where nothing is checked, so that choosing costs nothing more. */
function downTest(route: Route, down: ReadonlySet<string>): ((index: number) => boolean) | null {
  if (route.health.check === 'off') return null;
  const ids = route.backends.map((backend) => checkIdOf(route, backend) ?? '');
  return (index) => down.size > 0 && down.has(ids[index] ?? '');
}
