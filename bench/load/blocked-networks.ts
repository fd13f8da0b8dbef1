/** As many rules as a firewall has here. */
export const NETWORKS = 100_000;

/** Where the load comes from. */
const LOAD_NETWORK = '127.0.0.1/32';

/** Disjoint networks of mixed sizes from 11.0.0.0 on, and in their middle the one that the load comes from. */
export function blockedNetworks(): string[] {
  const networks = Array.from({ length: NETWORKS - 1 }, (_, index) => {
    const [a, b, c] = [11 + (index >> 12), (index >> 4) & 255, (index & 15) << 4];
    return `${a}.${b}.${c}.0/${[20, 24, 28, 32][index % 4]}`;
  });
  return networks.toSpliced(NETWORKS / 2, 0, LOAD_NETWORK);
}

/** The country of the load, the one that is blocked. */
export const BLOCKED_COUNTRY = 'AQ';
const OTHER_COUNTRIES = ['DE', 'FR', 'US', 'JP', 'BR', 'ZA', 'NZ'];

/** The same networks, each in a country; the load's alone in the blocked one. */
export function countryNetworks(): (readonly [network: string, country: string])[] {
  return blockedNetworks().map((network, index) => [
    network,
    network === LOAD_NETWORK ? BLOCKED_COUNTRY : (OTHER_COUNTRIES[index % OTHER_COUNTRIES.length] ?? ''),
  ]);
}
