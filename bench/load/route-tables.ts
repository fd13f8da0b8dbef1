import { join } from 'node:path';
import { parseRoute } from '../../dataplane/engine/config/index.ts';
import { openStore, type StoreChange } from '../../dataplane/engine/store/index.ts';
import { oursConfig } from './configs.ts';
import type { Contestant, Site } from './model.ts';
import { mcProxy } from './servers.ts';

/** Host names of a route table: `host-0000042.bench.test`. */
const DIGITS = 7;
const PREFIX = 'host-';
const SUFFIX = '.bench.test';

export function hostOf(index: number): string {
  return `${PREFIX}${String(index).padStart(DIGITS, '0')}${SUFFIX}`;
}

/**
 * Ours with `site.size` routes. They stand in the database as if AddRoute had put them there: a configuration file may have 4 MiB,
 * and so many calls would take longer than the run.
 */
export const oursWithRoutes: Contestant = {
  server: mcProxy,
  config: (site) => oursConfig(site, ''),
  prepare(site) {
    using store = openStore({ path: join(site.dir, 'mc-proxy.db') });
    store.commit(
      Array.from({ length: site.size }, (_, index) => routeOf(site, index)),
      1,
    );
  },
};

/** As HAProxy reads a map: name and backend, a line a route. */
export function routeMap(size: number): string {
  return Array.from({ length: size }, (_, index) => `${hostOf(index)} route\n`).join('');
}

/** Lua for a load that asks for another of the routes each time, put together from a hello for any one of them. */
export function randomHostLua(size: number): { readonly set: string; readonly bytes: string } {
  return {
    set: `local at = assert(bytes:find("${PREFIX}", 1, true)) + ${PREFIX.length - 1}
local before, after = bytes:sub(1, at), bytes:sub(at + ${DIGITS + 1})`,
    bytes: `before .. string.format("%0${DIGITS}d", math.random(0, ${size - 1})) .. after`,
  };
}

function routeOf({ port, backendPort }: Site, index: number): StoreChange {
  const backends = [`127.0.0.1:${backendPort}`];
  const parsed = parseRoute({ hostname: hostOf(index), backends, mode: 'l4' });
  if (parsed.kind === 'invalid') throw new Error(`no route: ${parsed.problems.map(({ message }) => message).join()}`);
  return { kind: 'route_put', listener: `127.0.0.1:${port}`, spec: parsed.spec };
}
