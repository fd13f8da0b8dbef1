import { test } from 'vitest';
import { parseIp } from '../../../../dataplane/net/address.ts';
import { parseHostname } from '../../../../dataplane/net/hostname.ts';
import {
  encodeProxyV2,
  readProxyHeader,
  type ProxyV2Options,
} from '../../../../dataplane/proxy/proxy-protocol/index.ts';
import { batch } from '../../batch.ts';

const [clientIp, ourIp, authority] = [parseIp('203.0.113.7'), parseIp('192.0.2.1'), parseHostname('app.example.test')];
if (clientIp === null || ourIp === null || authority === null) throw new Error('no addresses');
const options: ProxyV2Options = {
  source: { ip: clientIp, port: 54_321 },
  destination: { ip: ourIp, port: 443 },
  authority,
  crc: true,
};
const v1 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 54321 443\r\n');
const v2 = encodeProxyV2(options);

test('headers of a hop before us', async ({ bench }) => {
  await bench('version 1', batch([v1], readProxyHeader)).run();
  await bench('version 2 with authority and CRC', batch([v2], readProxyHeader)).run();
});

test('headers to a backend', async ({ bench }) => {
  await bench('encode version 2', batch([options], encodeProxyV2)).run();
});
