import { webBackend } from '../backends.ts';
import { checkResumption } from '../checks.ts';
import { WEB_HOST, type Scenario } from '../model.ts';
import { countAnswers } from '../tools/wrk.ts';
import { oursWeb, webRivals } from '../web-configs.ts';

const CONNECTIONS = 16;

export const scenario: Scenario = {
  name: 'l7-resumption',
  about: `new TLS connection that resumes the session before it, one HTTP/1.1 request, close; ${CONNECTIONS} at once, by wrk`,
  unit: 'connection',
  metric: 'cpu',
  backend: webBackend,
  ours: oursWeb,
  rivals: webRivals,
  load: {
    needs: ['wrk'],
    // wrk keeps the session of each of its connections; TLS 1.3 resumes it with an exchange of keys, as servers here want it.
    command: ({ port }, { seconds }) => [
      'wrk',
      '-t1',
      `-c${CONNECTIONS}`,
      `-d${seconds}s`,
      '-H',
      'Connection: close',
      `https://${WEB_HOST}:${port}/`,
    ],
  },
  count: countAnswers,
  check: checkResumption,
};
