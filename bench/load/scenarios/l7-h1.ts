import { webBackend } from '../backends.ts';
import { checkHttp1 } from '../checks.ts';
import { webConfigs } from '../web-configs.ts';
import { WEB_HOST, type Scenario } from '../model.ts';
import { nonZero } from '../tools/failures.ts';
import { parseWrk } from '../tools/wrk.ts';

const CONNECTIONS = 32;

const { ours, ...rivals } = webConfigs;

export const scenario: Scenario = {
  name: 'l7-h1',
  about: `HTTP/1.1 request over TLS with keep-alive; ${CONNECTIONS} connections at once, by wrk`,
  unit: 'request',
  backend: webBackend,
  ours,
  rivals,
  load: {
    needs: ['wrk'],
    command: ({ port }, seconds) => ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, `https://${WEB_HOST}:${port}/`],
  },
  count(output) {
    const { answers, ...failures } = parseWrk(output);
    return { units: answers - failures.not2xx, errors: nonZero(failures) };
  },
  check: checkHttp1,
};
