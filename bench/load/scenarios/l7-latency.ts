import { join } from 'node:path';
import { webBackend } from '../backends.ts';
import { checkHttp1 } from '../checks.ts';
import type { Scenario } from '../model.ts';
import { countH2load, h2load } from '../tools/h2load.ts';
import { takePercentile } from '../tools/h2load-log.ts';
import { oursWeb, webRivals } from '../web-configs.ts';

const CONNECTIONS = 64;
const PERCENT = 99;

export const scenario: Scenario = {
  name: 'l7-latency',
  about: `added latency, p${PERCENT}: HTTP/1.1 requests over TLS at half the rate that the slowest server reached, less the latency of the backend in clear; ${CONNECTIONS} connections, by h2load`,
  unit: 'request',
  metric: 'latency',
  backend: webBackend,
  ours: oursWeb,
  rivals: { haproxy: webRivals.haproxy, nginx: webRivals.nginx },
  load: {
    needs: ['h2load'],
    pace: 'half',
    command: (site, { seconds, rate }) =>
      h2load(
        site,
        '--h1',
        `-c${CONNECTIONS}`,
        `-D${seconds}`,
        // The first requests wait for handshakes, which are none of the latency asked for.
        ...(rate === null ? [] : ['--warm-up-time=1', `--rps=${Math.max(1, Math.round(rate / CONNECTIONS))}`]),
        `--log-file=${join(site.dir, 'requests.log')}`,
      ),
  },
  count: (output, site) => ({
    ...countH2load(output, 'http/1.1'),
    timedUs: takePercentile(join(site.dir, 'requests.log'), PERCENT),
  }),
  check: checkHttp1,
};
