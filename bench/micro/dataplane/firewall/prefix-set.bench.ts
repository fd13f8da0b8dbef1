import { test } from 'vitest';
import { createPrefixSet } from '../../../../dataplane/firewall/prefix-set.ts';
import { parseIp, type IpAddress } from '../../../../dataplane/net/address.ts';
import { parseCidr } from '../../../../dataplane/net/cidr.ts';
import { blockedNetworks } from '../../../load/blocked-networks.ts';
import { batch } from '../../batch.ts';

const networks = blockedNetworks();

function address(text: string): IpAddress {
  const ip = parseIp(text);
  if (ip === null) throw new Error(`no address: ${text}`);
  return ip;
}

for (const size of [10, 1000, 100_000]) {
  const set = createPrefixSet();
  for (const network of networks.slice(0, size)) {
    const parsed = parseCidr(network);
    if (parsed.kind === 'cidr') set.add(parsed.cidr, network);
  }
  const inside = networks.slice(0, Math.min(size, 1000)).map((network) => address(network.split('/')[0] ?? ''));
  const outside = Array.from({ length: 256 }, (_, index) => address(`203.0.113.${index}`));

  test(`${size} networks`, async ({ bench }) => {
    await bench(
      `address in one of ${size}`,
      batch(inside, (ip) => set.match(ip)),
    ).run();
    await bench(
      `address in none of ${size}`,
      batch(outside, (ip) => set.match(ip)),
    ).run();
  });
}
