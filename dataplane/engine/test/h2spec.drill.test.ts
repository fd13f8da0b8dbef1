import { createServer } from 'node:http';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { makeTempDir, ROOT, run, startMcProxy } from './running-proxy.ts';
import { createPki } from './tls-peers.ts';

const dir = makeTempDir();
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('PX-3 h2spec passes against an L7 route', async (context) => {
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
  expect(cases.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual([]);
  expect(proxy.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
});

function readReport(xml: string): { name: string; passed: boolean }[] {
  const cases = xml.matchAll(/<testcase package="([^"]*)" classname="([^"]*)" time="[^"]*">([\s\S]*?)<\/testcase>/g);
  return [...cases].map(([, suite = '', title = '', problem]) => ({
    name: `${suite} ${title.replaceAll('&#34;', '"')}`,
    passed: problem === '',
  }));
}
