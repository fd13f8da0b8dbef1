import { test } from 'vitest';
import { addHopHeaders, readRequestFields, readResponseFields } from '../../../../dataplane/proxy/l7/headers.ts';
import { batch } from '../../batch.ts';

/** As a browser sends them. */
const REQUEST = [
  'Host: app.example.test',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.7,de;q=0.3',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark',
  'Connection: keep-alive',
  'Upgrade-Insecure-Requests: 1',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'X-Forwarded-For: 198.51.100.1',
].flatMap(split);

const RESPONSE = [
  'Date: Thu, 01 Jan 2026 00:00:00 GMT',
  'Content-Type: text/html; charset=utf-8',
  'Content-Length: 1234',
  'Connection: keep-alive',
  'Cache-Control: no-store',
  'Set-Cookie: session=0123456789abcdef0123456789abcdef; Secure; HttpOnly',
  'Strict-Transport-Security: max-age=63072000',
].flatMap(split);

const HOP = { clientIp: '203.0.113.7', host: 'app.example.test', requestId: '0123456789abcdef', append: false };

function split(line: string): [name: string, value: string] {
  const colon = line.indexOf(': ');
  return [line.slice(0, colon), line.slice(colon + 2)];
}

test('fields of a request', async ({ bench }) => {
  await bench(
    'request fields, hop fields set',
    batch([REQUEST], (raw) => {
      const fields = readRequestFields(raw);
      addHopHeaders(fields, HOP);
      return fields;
    }),
  ).run();
});

test('fields of a response', async ({ bench }) => {
  await bench(
    'response fields',
    batch([RESPONSE], (raw) => readResponseFields(raw)),
  ).run();
});
