import { webBackend } from '../backends.ts';
import { checkHttp1 } from '../checks.ts';
import type { Scenario } from '../model.ts';
import { countH2load, h2load } from '../tools/h2load.ts';
import { oursWeb, webRivals } from '../web-configs.ts';

/** A rate that every server reaches: h2load connects at a rate or all at once. */
const PER_BATCH = 20;
const BATCHES_A_SECOND = 20;

export const scenario: Scenario = {
  name: 'l7-handshake',
  about: `new TLS connection with a full handshake, one HTTP/1.1 request, close; ${PER_BATCH * BATCHES_A_SECOND} a second, by h2load`,
  unit: 'connection',
  metric: 'cpu',
  backend: webBackend,
  ours: oursWeb,
  rivals: webRivals,
  load: {
    needs: ['h2load'],
    command(site, { seconds }) {
      const connections = PER_BATCH * BATCHES_A_SECOND * seconds;
      const pace = [`-r${PER_BATCH}`, `--rate-period=${1000 / BATCHES_A_SECOND}ms`];
      return h2load(site, '--h1', `-c${connections}`, `-n${connections}`, ...pace);
    },
  },
  count: (output) => countH2load(output, 'http/1.1'),
  check: checkHttp1,
};
