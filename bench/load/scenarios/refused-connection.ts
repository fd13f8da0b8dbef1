import { join } from 'node:path';
import { helloBackend } from '../backends.ts';
import { checkRefused } from '../checks.ts';
import { haproxyL4, oursL4 } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { nonZero } from '../tools/failures.ts';
import { parseWrk, rawHelloLoad } from '../tools/wrk.ts';

const CONNECTIONS = 64;
const NETWORKS = 100_000;

const hello = rawHelloLoad(CONNECTIONS);

/** Disjoint networks of mixed sizes from 11.0.0.0 on, and among them the one that the load comes from. */
export function blockedNetworks(): string[] {
  const networks = Array.from({ length: NETWORKS - 1 }, (_, index) => {
    const [a, b, c] = [11 + (index >> 12), (index >> 4) & 255, (index & 15) << 4];
    return `${a}.${b}.${c}.0/${[20, 24, 28, 32][index % 4]}`;
  });
  return networks.toSpliced(NETWORKS / 2, 0, '127.0.0.1/32');
}

export const scenario: Scenario = {
  name: 'refused-connection',
  about: `connect from a blocked network, one of ${NETWORKS}, and be reset; ${CONNECTIONS} connections at once, by wrk`,
  unit: 'connection',
  backend: helloBackend,
  files: (site) => ({
    ...hello.files(site),
    'blocked.map': blockedNetworks()
      .map((network) => `${network} blocked\n`)
      .join(''),
  }),
  ours: (site) => oursL4(site, `blocked_cidrs = ${JSON.stringify(blockedNetworks())}`),
  rivals: {
    haproxy: (site) =>
      haproxyL4(site, {
        onConnect: `  tcp-request connection reject if { src,map_ip(${join(site.filesDir, 'blocked.map')}) -m found }\n`,
      }),
  },
  load: hello.load,
  // wrk meets the reset when it sends the hello or when it reads on, and connects anew. Before a connection stands it can only
  // meet a server that is gone.
  count(output) {
    const { readErrors, writeErrors, ...failures } = parseWrk(output);
    return { units: readErrors + writeErrors, errors: nonZero(failures) };
  },
  check: checkRefused,
};
