import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { createSeedCa } from '../../../mcdsl/seed-pki/index.ts';

/** `NODE/srv/SERVICE/SERVICE.toml` below deploy/examples. */
export interface ExampleConfig {
  readonly path: string;
  readonly node: string;
  readonly service: string;
  readonly source: string;
}

/** What the tests look at; everything else of the file passes through. */
const routeShape = z.looseObject({
  hostname: z.string(),
  backend: z.string(),
  mode: z.string(),
  tls_cert: z.string().optional(),
  tls_key: z.string().optional(),
  backend_ca: z.string().optional(),
});
/** The certificate of a server that terminates TLS itself. */
const serverShape = z.looseObject({ public_url: z.string(), tls_cert: z.string(), tls_key: z.string() });
const fileShape = z.looseObject({
  server: serverShape.optional(),
  listeners: z
    .array(
      z.looseObject({
        addr: z.string(),
        trusted_proxies: z.array(z.string()).default([]),
        routes: z.array(routeShape).default([]),
      }),
    )
    .default([]),
});
export type ProxyExample = z.output<typeof fileShape>;

const folder = join(import.meta.dirname, '..');

/** Every file below deploy/examples that is no test, path from there with `/`. */
export function exampleFiles(): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('test/'))
    .sort();
}

export function readExample(path: string): ExampleConfig {
  const [node = '', , service = ''] = path.split('/');
  return { path, node, service, source: readFileSync(join(folder, path), 'utf8') };
}

export function parseExample({ source }: ExampleConfig): ProxyExample {
  return fileShape.parse(parse(source));
}

/**
 * Puts a copy of the example below `root` as its node has it, with every path below /srv led there, and makes the certificates that
 * its routes name, for their host names, or its server, for its public name and this machine, from a seed CA.
 */
export async function placeExample(example: ExampleConfig, root: string): Promise<string> {
  const placed = join(root, 'srv', example.service, `${example.service}.toml`);
  const source = example.source.replaceAll('"/srv/', `"${root}/srv/`);
  writeBelow(placed, source);
  const ca = await createSeedCa();
  const { server, listeners } = parseExample({ ...example, source });
  if (server !== undefined) {
    const names = [new URL(server.public_url).hostname, 'localhost', '127.0.0.1', '::1'];
    const pair = await ca.issue({ names });
    writeBelow(server.tls_cert, pair.certPem);
    writeBelow(server.tls_key, pair.keyPem);
  }
  for (const route of listeners.flatMap(({ routes }) => routes)) {
    if (route.backend_ca !== undefined) writeBelow(route.backend_ca, ca.certPem);
    if (route.tls_cert === undefined || route.tls_key === undefined) continue;
    const pair = await ca.issue({ names: [route.hostname] });
    writeBelow(route.tls_cert, pair.certPem);
    writeBelow(route.tls_key, pair.keyPem);
  }
  return placed;
}

function writeBelow(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
}
