import { join } from 'node:path';
import { BODY_BYTES, bodyBackend, STREAM_BLOCK_BYTES } from '../backends.ts';
import { checkUpload } from '../checks.ts';
import type { Scenario } from '../model.ts';
import { streamBlock } from '../programs/stream-block.ts';
import { countH2load, h2load } from '../tools/h2load.ts';
import { oursWeb, webRivals } from '../web-configs.ts';

const CONNECTIONS = 4;
/** So many bodies a second of load: a number, since a body that is cut off when the time is over could not be counted. */
const BODIES_A_SECOND = 4;
const GB = 1e9;

export const scenario: Scenario = {
  name: 'l7-upload',
  about: `bodies of 100 MiB from the client to the backend over HTTP/1.1 and TLS; ${CONNECTIONS} connections at once, by h2load`,
  unit: 'GB',
  metric: 'cpu',
  backend: bodyBackend,
  files: () => ({ body: Buffer.concat(Array.from({ length: BODY_BYTES / STREAM_BLOCK_BYTES }, streamBlock)) }),
  ours: oursWeb,
  rivals: webRivals,
  load: {
    needs: ['h2load'],
    command: (site, { seconds }) =>
      h2load(
        site,
        '--h1',
        `-c${CONNECTIONS}`,
        `-n${Math.max(CONNECTIONS, BODIES_A_SECOND * seconds)}`,
        `--data=${join(site.filesDir, 'body')}`,
      ),
  },
  count(output) {
    const { units, errors } = countH2load(output, 'http/1.1');
    return { units: (units * BODY_BYTES) / GB, errors };
  },
  check: checkUpload,
};
