import { webBackend } from '../backends.ts';
import { checkHttp1 } from '../checks.ts';
import { WEB_HOST, type Scenario } from '../model.ts';
import { countAnswers } from '../tools/wrk.ts';
import { oursWeb, webRivals } from '../web-configs.ts';

const CONNECTIONS = 32;

export const scenario: Scenario = {
  name: 'l7-h1',
  about: `HTTP/1.1 request over TLS with keep-alive; ${CONNECTIONS} connections at once, by wrk`,
  unit: 'request',
  metric: 'cpu',
  backend: webBackend,
  ours: oursWeb,
  rivals: webRivals,
  load: {
    needs: ['wrk'],
    command: ({ port }, { seconds }) => [
      'wrk',
      '-t1',
      `-c${CONNECTIONS}`,
      `-d${seconds}s`,
      `https://${WEB_HOST}:${port}/`,
    ],
  },
  count: countAnswers,
  check: checkHttp1,
};
