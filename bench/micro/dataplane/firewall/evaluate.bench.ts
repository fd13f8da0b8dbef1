import { test } from 'vitest';
import {
  compileFirewall,
  createGeoip,
  createRateLimiter,
  createRateTable,
  evaluateFirewall,
} from '../../../../dataplane/firewall/index.ts';
import { countryMmdb } from '../../../../dataplane/firewall/test/mmdb-writer.ts';
import { parseIp, type IpAddress } from '../../../../dataplane/net/address.ts';
import { BLOCKED_COUNTRY, blockedNetworks, countryNetworks } from '../../../load/blocked-networks.ts';
import { batch } from '../../batch.ts';

const database = countryMmdb(countryNetworks());
const shared = new SharedArrayBuffer(database.length);
database.copy(Buffer.from(shared));

const NO_RULES = { allowedCidrs: [], blockedIps: [], blockedCidrs: [], blockedCountries: [], rateLimit: 0 };
const RATE = { rateWindowMs: 10_000, ratePrefixV4: 32, ratePrefixV6: 64 };
const deps = { geoip: createGeoip(shared), limiter: createRateLimiter(createRateTable()) };

const clients = Array.from({ length: 256 }, (_, index) => address(`203.0.113.${index}`));
const blocked = [address('127.0.0.1')];

function address(text: string): IpAddress {
  const ip = parseIp(text);
  if (ip === null) throw new Error(`no address: ${text}`);
  return ip;
}

test('clients that are let in', async ({ bench }) => {
  const open = compileFirewall({ ...NO_RULES, ...RATE }, deps);
  const full = compileFirewall(
    {
      ...NO_RULES,
      ...RATE,
      blockedCidrs: blockedNetworks(),
      blockedCountries: [BLOCKED_COUNTRY],
      rateLimit: 1_000_000_000,
    },
    deps,
  );
  await bench(
    'no rules',
    batch(clients, (ip) => evaluateFirewall(open, ip, 'count')),
  ).run();
  await bench(
    '100,000 networks, countries, rate limit',
    batch(clients, (ip) => evaluateFirewall(full, ip, 'count')),
  ).run();
});

test('clients that are refused', async ({ bench }) => {
  const byNetwork = compileFirewall({ ...NO_RULES, ...RATE, blockedCidrs: blockedNetworks() }, deps);
  const byCountry = compileFirewall({ ...NO_RULES, ...RATE, blockedCountries: [BLOCKED_COUNTRY] }, deps);
  await bench(
    'blocked network',
    batch(blocked, (ip) => evaluateFirewall(byNetwork, ip, 'count')),
  ).run();
  await bench(
    'blocked country',
    batch(blocked, (ip) => evaluateFirewall(byCountry, ip, 'count')),
  ).run();
});
