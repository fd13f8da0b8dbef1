import { webBackend } from '../backends.ts';
import { checkHttp2 } from '../checks.ts';
import type { Scenario } from '../model.ts';
import { countH2load, h2load } from '../tools/h2load.ts';
import { oursWeb, webRivals } from '../web-configs.ts';

const CONNECTIONS = 4;
const STREAMS = 8;

export const scenario: Scenario = {
  name: 'l7-h2',
  about: `HTTP/2 request over TLS; ${CONNECTIONS} connections at once with ${STREAMS} streams each, by h2load`,
  unit: 'request',
  metric: 'cpu',
  backend: webBackend,
  ours: oursWeb,
  rivals: webRivals,
  load: {
    needs: ['h2load'],
    command: (site, { seconds }) => h2load(site, `-c${CONNECTIONS}`, `-m${STREAMS}`, `-D${seconds}`),
  },
  count: (output) => countH2load(output, 'h2'),
  check: checkHttp2,
};
