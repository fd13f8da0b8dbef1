import { helloBackend } from '../backends.ts';
import { checkHello } from '../checks.ts';
import { haproxyL4, oursL4 } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { nonZero } from '../tools/failures.ts';
import { parseWrk, rawHelloLoad } from '../tools/wrk.ts';

const CONNECTIONS = 64;

export const scenario: Scenario = {
  name: 'l4-connection',
  about: `connect, ClientHello, 64 bytes back, close; ${CONNECTIONS} connections at once, by wrk with a raw hello`,
  unit: 'connection',
  backend: helloBackend,
  ...rawHelloLoad(CONNECTIONS),
  ours: (site) => oursL4(site),
  rivals: { haproxy: (site) => haproxyL4(site) },
  count(output) {
    const { answers, ...failures } = parseWrk(output);
    return { units: answers, errors: nonZero(failures) };
  },
  check: checkHello,
};
