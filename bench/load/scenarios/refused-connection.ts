import { join } from 'node:path';
import { helloBackend } from '../backends.ts';
import { blockedNetworks, NETWORKS } from '../blocked-networks.ts';
import { checkRefused } from '../checks.ts';
import { haproxyL4, oursL4 } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { countResets, rawHelloLoad } from '../tools/wrk.ts';

const CONNECTIONS = 64;
const hello = rawHelloLoad(CONNECTIONS);

export const scenario: Scenario = {
  name: 'refused-connection',
  about: `connect from a blocked network, one of ${NETWORKS}, and be reset; ${CONNECTIONS} connections at once, by wrk`,
  unit: 'connection',
  metric: 'cpu',
  backend: helloBackend,
  files: (site) => ({
    ...hello.files(site),
    'blocked.map': blockedNetworks()
      .map((network) => `${network} blocked\n`)
      .join(''),
  }),
  ours: oursL4(() => `blocked_cidrs = ${JSON.stringify(blockedNetworks())}`),
  rivals: {
    haproxy: haproxyL4({
      onConnect: ({ filesDir }) =>
        `  tcp-request connection reject if { src,map_ip(${join(filesDir, 'blocked.map')}) -m found }\n`,
    }),
  },
  load: hello.load,
  count: countResets,
  check: checkRefused,
};
