import { join } from 'node:path';
import { helloBackend } from '../backends.ts';
import { checkHello } from '../checks.ts';
import { haproxyL4 } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { hostOf, oursWithRoutes, randomHostLua, routeMap } from '../route-tables.ts';
import { countAnswers, readFile, sendScript } from '../tools/wrk.ts';

const SIZES = [10, 1000, 100_000];
const CONNECTIONS = 64;

export const scenario: Scenario = {
  name: 'scale-routes',
  about: `connect, ClientHello for one of so many host names at random, 64 bytes back, close; ${CONNECTIONS} connections at once, by wrk`,
  unit: 'connection',
  metric: 'cpu',
  scale: { what: 'routes', one: 'route', sizes: SIZES, memory: 'idle' },
  backend: helloBackend,
  helloFor: hostOf(0),
  files: ({ helloFile }) =>
    Object.fromEntries(
      SIZES.flatMap((size) => {
        const { set, bytes } = randomHostLua(size);
        return [
          [`routes-${size}.map`, routeMap(size)],
          [`hello-${size}.lua`, sendScript(`${readFile(helloFile)}\n${set}`, bytes)],
        ];
      }),
    ),
  ours: oursWithRoutes,
  rivals: {
    haproxy: haproxyL4({
      choose: ({ filesDir, size }) =>
        `use_backend %[req.ssl_sni,lower,map_str(${join(filesDir, `routes-${size}.map`)})]`,
    }),
  },
  load: {
    needs: ['wrk'],
    command: ({ port, filesDir, size }, { seconds }) => [
      'wrk',
      '-t1',
      `-c${CONNECTIONS}`,
      `-d${seconds}s`,
      '-s',
      join(filesDir, `hello-${size}.lua`),
      `http://127.0.0.1:${port}/`,
    ],
  },
  count: countAnswers,
  check: checkHello,
};
