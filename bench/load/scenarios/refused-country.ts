import { join } from 'node:path';
import { countryMmdb } from '../../../dataplane/firewall/test/mmdb-writer.ts';
import { helloBackend } from '../backends.ts';
import { BLOCKED_COUNTRY, countryNetworks, NETWORKS } from '../blocked-networks.ts';
import { checkRefused } from '../checks.ts';
import { haproxyL4, oursL4 } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { countResets, rawHelloLoad } from '../tools/wrk.ts';

const CONNECTIONS = 64;
const hello = rawHelloLoad(CONNECTIONS);

export const scenario: Scenario = {
  name: 'refused-country',
  about: `connect from a blocked country, found among ${NETWORKS} networks, and be reset; ${CONNECTIONS} connections at once, by wrk`,
  unit: 'connection',
  metric: 'cpu',
  backend: helloBackend,
  files: (site) => ({
    ...hello.files(site),
    'country.mmdb': countryMmdb(countryNetworks()),
    'country.map': countryNetworks()
      .map(([network, country]) => `${network} ${country}\n`)
      .join(''),
  }),
  ours: oursL4(
    ({ filesDir }) => `geoip_db = ${JSON.stringify(join(filesDir, 'country.mmdb'))}
blocked_countries = ["${BLOCKED_COUNTRY}"]`,
  ),
  rivals: {
    haproxy: haproxyL4({
      onConnect: ({ filesDir }) =>
        `  tcp-request connection reject if { src,map_ip(${join(filesDir, 'country.map')}) -m str ${BLOCKED_COUNTRY} }\n`,
    }),
  },
  load: hello.load,
  count: countResets,
  check: checkRefused,
};
