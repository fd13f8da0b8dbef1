import { test } from 'vitest';
import { parseRoute } from '../../../../dataplane/engine/config/index.ts';
import { parseHostname, type Hostname } from '../../../../dataplane/net/hostname.ts';
import { RouteTable } from '../../../../dataplane/proxy/routing/route-table.ts';
import type { Route } from '../../../../dataplane/proxy/model.ts';
import { batch } from '../../batch.ts';

const NO_MATERIAL: Route['material'] = { certificate: null, clientCaPem: null, backendCaPem: null };

/** Judged as everywhere, so that it is a whole route whatever fields one has. */
function routeOf(hostname: string): Route {
  const parsed = parseRoute({ hostname, backends: ['127.0.0.1:1'], mode: 'l4' });
  if (parsed.kind === 'invalid') throw new Error(`no route: ${hostname}`);
  return { ...parsed.spec, origin: 'api', material: NO_MATERIAL };
}

function hostname(text: string): Hostname {
  const parsed = parseHostname(text);
  if (parsed === null) throw new Error(`no host name: ${text}`);
  return parsed;
}

for (const size of [10, 1000, 100_000]) {
  const names = Array.from({ length: size }, (_, index) => `host-${index}.example.test`);
  const table = new RouteTable([...names, '*.wild.test'].map(routeOf), '');
  const step = Math.max(1, Math.floor(size / 1000));
  const asked = names.filter((_, index) => index % step === 0).map(hostname);

  test(`${size} routes`, async ({ bench }) => {
    await bench(
      `exact of ${size}`,
      batch(asked, (name) => table.find(name)),
    ).run();
    await bench(
      `wildcard of ${size}`,
      batch([hostname('any.wild.test')], (name) => table.find(name)),
    ).run();
    await bench(
      `none of ${size}`,
      batch([hostname('nobody.example.test')], (name) => table.find(name)),
    ).run();
  });
}
