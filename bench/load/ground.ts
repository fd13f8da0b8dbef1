import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeedCa } from '../../mcdsl/seed-pki/index.ts';
import { freePort } from '../../mcdsl/test-support/free-port.ts';
import { makeHello } from './hello.ts';
import { STREAM_HOST, WEB_HOST, type Scenario, type Site, type TlsFiles } from './model.ts';
import { contenderId } from './results.ts';

/** What a whole run shares: a temporary directory with certificates and settings for load tools. */
export interface Ground extends Disposable {
  readonly dir: string;
  readonly tls: TlsFiles;
  /** Environment for load tools: one cipher suite and one group, so that every server does the same cryptography. */
  readonly loadEnv: NodeJS.ProcessEnv;
}

const OPENSSL_CONFIG = `openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = load
[load]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
`;

export async function layGround(): Promise<Ground> {
  const dir = mkdtempSync(join(tmpdir(), 'mc-bench-'));
  const write = (name: string, content: string | Uint8Array): string => {
    const file = join(dir, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const ca = await createSeedCa();
  const { certPem, keyPem } = await ca.issue({ names: [WEB_HOST, STREAM_HOST, '127.0.0.1', '::1'] });
  return {
    dir,
    tls: {
      ca: write('ca.pem', ca.certPem),
      cert: write('server.pem', certPem),
      key: write('server.key', keyPem),
      pem: write('server-and-key.pem', certPem + keyPem),
    },
    loadEnv: { OPENSSL_CONF: write('openssl.cnf', OPENSSL_CONFIG) },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The place of one server of a scenario: a directory of its own and a free port. */
export async function createSite(
  ground: Ground,
  scenario: Scenario,
  server: string,
  { backendPort = 0, workers = 1, size = 0, direct = false } = {},
): Promise<Site> {
  const filesDir = join(ground.dir, scenario.name);
  const dir = join(filesDir, contenderId(server, size));
  mkdirSync(dir, { recursive: true });
  const { tls } = ground;
  const helloFile = join(filesDir, HELLO_FILE);
  const port = direct ? backendPort : await freePort();
  return { dir, filesDir, port, backendPort, workers, size, direct, tls, helloFile };
}

const HELLO_FILE = 'hello.bin';

/** Writes the scenario's own files. */
export async function writeFiles(ground: Ground, scenario: Scenario): Promise<void> {
  const filesDir = join(ground.dir, scenario.name);
  mkdirSync(filesDir, { recursive: true });
  const helloFile = join(filesDir, HELLO_FILE);
  writeFileSync(helloFile, await makeHello(scenario.helloFor ?? STREAM_HOST));
  const files = scenario.files?.({ filesDir, helloFile }) ?? {};
  for (const [name, content] of Object.entries(files)) writeFileSync(join(filesDir, name), content);
}
