import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadConfigFile } from '../../../mcdsl/config/index.ts';
import { createSeedCa } from '../../../mcdsl/seed-pki/index.ts';
import { startProgram, type RunningProgram } from '../../../mcdsl/test-support/running-program.ts';
import { createAccount, type Account } from '../accounts/index.ts';
import { identityConfig } from '../config/index.ts';
import { totpCode, totpStep } from '../factors/totp.ts';
import { initMasterKey } from '../keys/index.ts';
import { writeBaselineRules, type Role } from '../policy/index.ts';
import { createRooms, readInForce, type Rooms } from '../rooms.ts';
import { openStore } from '../store/index.ts';

/** `srv/mcias` of one test: configuration, seed certificate, and people put into the database while no server runs. */
export type MciasFolder = Disposable & {
  readonly path: string;
  readonly configFile: string;
  readonly caFile: string;
  readonly caPem: string;
  /** Works on the database as a process of its own would. */
  rooms<T>(work: (rooms: Rooms) => T | Promise<T>): Promise<T>;
  addPerson(name: string, roles: readonly Role[], password?: string): Promise<Account>;
  addService(name: string): Promise<Account>;
  /** Enrols TOTP; the function returns the code of a step counted from now. */
  enrolTotp(account: Account): Promise<(offset?: number) => string>;
  /** @param flags of `mcias server` */
  start(...flags: readonly string[]): Promise<RunningMcias>;
};

export type RunningMcias = RunningProgram & {
  readonly url: string;
  readonly port: number;
  readonly grpcPort: number;
  readonly metricsPort: number;
};

export const testPassword = 'a password of a test';

/** Hashes as small as the configuration lets them be: a test is about something else. */
export async function createMciasFolder(more = ''): Promise<MciasFolder> {
  const path = mkdtempSync(join(tmpdir(), 'mcias-run-'));
  const ca = await createSeedCa('Test Root');
  const pair = await ca.issue({ names: ['mcias.example.test', 'localhost', '127.0.0.1', '::1'] });
  mkdirSync(join(path, 'certs'));
  writeFileSync(join(path, 'certs/cert.pem'), pair.certPem);
  writeFileSync(join(path, 'certs/key.pem'), pair.keyPem, { mode: 0o600 });
  writeFileSync(join(path, 'ca.pem'), ca.certPem);
  const configFile = join(path, 'mcias.toml');
  writeFileSync(configFile, baseConfig(path, more));

  async function rooms<T>(work: (rooms: Rooms) => T | Promise<T>): Promise<T> {
    const loaded = loadConfigFile(identityConfig, configFile);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const { config } = loaded;
    using store = openStore({ path: config.database.path });
    const masterKey = { file: config.keys.master_key_file, credentialsDirectory: '' };
    initMasterKey(store, masterKey, Date.now());
    return await work(createRooms({ store, masterKey, inForce: readInForce(config) }));
  }

  const add = (name: string, type: 'human' | 'system', roles: readonly Role[]) => (open: Rooms) =>
    open.store.change((writer) => {
      const draft = { name, type, roles, displayName: '', email: '', groups: [] };
      return createAccount(writer, draft, 'test', Date.now());
    });

  await rooms(({ store }) => store.change((writer) => writeBaselineRules(writer, { by: 'test', now: Date.now() })));
  return {
    path,
    configFile,
    caFile: join(path, 'ca.pem'),
    caPem: ca.certPem,
    rooms,
    addPerson: (name, roles, password = testPassword) =>
      rooms(async (open) => {
        const account = add(name, 'human', roles)(open);
        const hashed = await open.passwords.hash(password);
        open.store.change((writer) => open.passwords.store(writer, account.id, hashed, Date.now()));
        return account;
      }),
    addService: (name) => rooms(add(name, 'system', [])),
    enrolTotp: (account) =>
      rooms(({ store, totp }) => {
        const { secret } = store.change((writer) => totp.begin(writer, account, Date.now()));
        const codeOf = (offset = 0) => totpCode(decodeBase32(secret), totpStep(Date.now()) + offset);
        store.change((writer) => totp.confirm(writer, account.id, codeOf(-1), Date.now()));
        return codeOf;
      }),
    start: (...flags) => startMcias(configFile, flags),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

function baseConfig(path: string, more: string): string {
  return `[server]
listen_addr = "127.0.0.1:0"
grpc_addr = "127.0.0.1:0"
tls_cert = "${path}/certs/cert.pem"
tls_key = "${path}/certs/key.pem"
public_url = "https://mcias.example.test"
shutdown_timeout = "2s"
[database]
path = "${path}/mcias.db"
[admin]
socket = "${path}/mcias.sock"
[metrics]
addr = "127.0.0.1:0"
[keys]
master_key_file = "${path}/keys/master.key"
${more.includes('[argon2]') ? '' : '[argon2]\nmemory = "19MiB"\npasses = 2\nparallelism = 1\n'}
${more.includes('[rate_limit]') ? '' : '[rate_limit]\nlogin_per_minute = 100000\nlogin_burst = 100000\n'}${more}`;
}

/** Resolves when the server says that it is ready. */
async function startMcias(configFile: string, flags: readonly string[]): Promise<RunningMcias> {
  const program = await startProgram('mcias', configFile, ...flags);
  const metrics = await program.line({ msg: 'metrics are served' });
  const port = Number(program.ready['port']);
  return {
    ...program,
    url: `https://localhost:${port}`,
    port,
    grpcPort: Number(program.ready['grpc_port']),
    metricsPort: Number(metrics['port']),
  };
}

/** What an authenticator app does with the secret that it is shown. */
export function decodeBase32(text: string): Buffer {
  const bits = [...text]
    .map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
