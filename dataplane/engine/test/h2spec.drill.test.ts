import { createServer } from 'node:http';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { makeTempDir, ROOT, run, startMcProxy } from './running-proxy.ts';
import { createPki } from './tls-peers.ts';

/**
 * Cases that fail, and why each is left: all are nghttp2's or Node's own behaviour (a bare Node server fails the same and three
 * more), and in none of them anything of the frame in question gets to a backend.
 */
const LEFT: Readonly<Record<string, string>> = {
  // RFC 9113 §5.1: a frame on a closed stream MAY be a connection error; nghttp2 ignores it. RFC 7540 said MUST.
  'http2/5.1 closed: Sends a DATA frame after sending RST_STREAM frame': 'ignored',
  'http2/5.1 closed: Sends a HEADERS frame after sending RST_STREAM frame': 'ignored',
  'http2/5.1 closed: Sends a DATA frame': 'ignored',
  'http2/5.1 closed: Sends a HEADERS frame': 'ignored',
  // §5.1.1: an identifier below the highest one so far is that of a closed stream, and nghttp2 treats it so.
  'http2/5.1.1 Sends stream identifier that is numerically smaller than previous': 'ignored',
  // §5.3.2 deprecates priorities, and nghttp2 does not look into PRIORITY frames any more.
  'http2/5.3.1 Sends PRIORITY frame that depend on itself': 'ignored',
  'http2/6.3 Sends a PRIORITY frame with 0x0 stream identifier': 'ignored',
  // §6.7 forbids to answer it. Node ends the connection, as one that acknowledges what nobody sent.
  'http2/6.7 Sends a PING frame with ACK': 'connection error',
  // §6.9.1 allows a stream error or a connection error for overflowing windows; the case wants the first.
  'http2/6.9.1 Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream':
    'connection error',
};

const dir = makeTempDir();
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('PX-3 h2spec passes against an L7 route, but for what nghttp2 and Node decide', async (context) => {
  const build = await run(join(ROOT, 'deploy/h2spec/build'), []);
  // Without Go, or without the module proxy, there is no h2spec.
  if (build.code !== 0) return context.skip(build.stderr.trim());
  const pki = await createPki(dir);
  // The name that h2spec sends is the one that it connects to.
  const { cert, key } = await pki.files('localhost');
  await using backend = await listenOn(
    createServer((request, response) => {
      request.resume();
      request.once('end', () => response.end('hello'));
    }),
  );
  await using proxy = await startMcProxy(
    () => `
[[listeners]]
addr = "127.0.0.1:0"
[[listeners.routes]]
hostname = "localhost"
backend = "${backend.address}"
mode = "l7"
tls_cert = "${cert}"
tls_key = "${key}"
`,
    { dir },
  );
  const report = join(dir, 'h2spec.xml');
  const target = ['--tls', '--insecure', '--host', 'localhost', '--port', String(proxy.port('127.0.0.1:0'))];
  await run(build.stdout.trim(), [...target, '--timeout', '5', '--junit-report', report]);

  const cases = readReport(readFileSync(report, 'utf8'));
  expect(cases.length).toBeGreaterThan(140);
  expect(cases.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(Object.keys(LEFT));
  expect(proxy.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
});

function readReport(xml: string): { name: string; passed: boolean }[] {
  const cases = xml.matchAll(/<testcase package="([^"]*)" classname="([^"]*)" time="[^"]*">([\s\S]*?)<\/testcase>/g);
  return [...cases].map(([, suite = '', title = '', problem]) => ({
    name: `${suite} ${title.replaceAll('&#34;', '"')}`,
    passed: problem === '',
  }));
}
