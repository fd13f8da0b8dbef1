import { webBackend } from '../backends.ts';
import { checkHttp2 } from '../checks.ts';
import { webConfigs } from '../web-configs.ts';
import { WEB_HOST, type Scenario } from '../model.ts';
import { nonZero } from '../tools/failures.ts';
import { parseH2load } from '../tools/h2load.ts';

const CONNECTIONS = 4;
const STREAMS = 8;

const { ours, ...rivals } = webConfigs;

export const scenario: Scenario = {
  name: 'l7-h2',
  about: `HTTP/2 request over TLS; ${CONNECTIONS} connections at once with ${STREAMS} streams each, by h2load`,
  unit: 'request',
  backend: webBackend,
  ours,
  rivals,
  load: {
    needs: ['h2load'],
    command: ({ port }, seconds) => [
      'h2load',
      '-t1',
      `-c${CONNECTIONS}`,
      `-m${STREAMS}`,
      `-D${seconds}`,
      `--connect-to=127.0.0.1:${port}`,
      `https://${WEB_HOST}:${port}/`,
    ],
  },
  count(output) {
    const { succeeded, protocol, ...failures } = parseH2load(output);
    const errors = nonZero(failures);
    return { units: succeeded, errors: protocol === 'h2' ? errors : [...errors, `protocol ${protocol}, not h2`] };
  },
  check: checkHttp2,
};
