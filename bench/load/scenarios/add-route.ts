import { z } from 'zod';
import { helloBackend, program } from '../backends.ts';
import { checkHello } from '../checks.ts';
import type { Scenario } from '../model.ts';
import { hostOf, oursWithRoutes } from '../route-tables.ts';
import { spread } from '../statistics.ts';

const report = z.strictObject({ ms: z.array(z.number()), errors: z.array(z.string()) });

export const scenario: Scenario = {
  name: 'add-route',
  about:
    'from the call of AddRoute to the end of the first connection served by the new route, median; one after the other, each route removed again',
  unit: 'route',
  metric: 'time',
  scale: { what: 'routes', one: 'route', sizes: [10, 100_000], memory: 'idle' },
  backend: helloBackend,
  helloFor: hostOf(0),
  ours: oursWithRoutes,
  rivals: {},
  load: {
    needs: [],
    command: ({ dir, port, backendPort }, { seconds }) =>
      program('add-routes', `${dir}/mc-proxy.sock`, String(port), String(backendPort), String(seconds)),
  },
  count(output) {
    const { ms, errors } = report.parse(JSON.parse(output));
    return { units: ms.length, errors, ...(ms.length > 0 && { timedUs: spread(ms).median * 1000 }) };
  },
  check: checkHello,
};
