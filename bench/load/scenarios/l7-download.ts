import { bodyBackend } from '../backends.ts';
import { checkDownload } from '../checks.ts';
import type { Scenario } from '../model.ts';
import { countH2load, h2load, parseH2load } from '../tools/h2load.ts';
import { oursWeb, webRivals } from '../web-configs.ts';

const CONNECTIONS = 4;
const GB = 1e9;

export const scenario: Scenario = {
  name: 'l7-download',
  about: `bodies of 100 MiB from the backend to the client over HTTP/1.1 and TLS; ${CONNECTIONS} connections at once, by h2load`,
  unit: 'GB',
  metric: 'cpu',
  backend: bodyBackend,
  ours: oursWeb,
  rivals: webRivals,
  load: {
    needs: ['h2load'],
    command: (site, { seconds }) => h2load(site, '--h1', `-c${CONNECTIONS}`, `-D${seconds}`),
  },
  // What of a body has come when the time is over was relayed as well.
  count: (output) => ({
    errors: countH2load(output, 'http/1.1').errors,
    units: parseH2load(output).receivedBytes / GB,
  }),
  check: checkDownload,
};
