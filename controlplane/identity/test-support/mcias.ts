import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { mciasSection } from '../../../mcdsl/auth/index.ts';
import type { MciasConfig } from '../../../mcdsl/auth/index.ts';
import { loadConfigText } from '../../../mcdsl/config/index.ts';
import { createMetricsRegistry } from '../../../mcdsl/metrics/index.ts';
import { recordingLogger } from '../../../mcdsl/grpc/test/fixture.ts';
import { startServer } from '../../../mcdsl/http/test/fixture.ts';
import type { TestServer } from '../../../mcdsl/http/test/fixture.ts';
import { createAccount, findAccountByName } from '../accounts/index.ts';
import {
  createAuditQueue,
  createCallers,
  createOperations,
  createRunner,
  restApi,
  type ApiDeps,
} from '../api/index.ts';
import { identityConfig } from '../config/index.ts';
import { everything, listAudit } from '../audit/index.ts';
import { initMasterKey, type MasterKeySource } from '../keys/index.ts';
import { writeBaselineRules, type Role } from '../policy/index.ts';
import { createRooms, readInForce, type Rooms } from '../rooms.ts';
import { codeExchange, createWeb } from '../web.ts';
import { countRefusals } from '../server/metrics.ts';
import { openTempStore } from './temp-store.ts';

/** A whole mcias over HTTPS on a free port, without its process around it. */
export type Mcias = AsyncDisposable & {
  readonly server: TestServer;
  /** As `public_url` says it. */
  readonly origin: string;
  readonly rooms: Rooms;
  readonly clock: { nowMs: number };
  /** A person with a password; admins may need a second factor first. */
  addPerson(name: string, roles: readonly Role[], password?: string): Promise<string>;
  /** Puts more blocks of the configuration in force. */
  configure(toml: string): void;
  /** `[mcias]` of a service. */
  config(more?: Partial<MciasConfig>): MciasConfig;
  /** `event reason` of the audit log, the oldest first. */
  audited(): readonly string[];
  /** Refusals that pages and redirects carry, for Prometheus. */
  metrics(): Promise<string>;
};

export const password = 'a password of somebody';

export async function startMcias(toml = ''): Promise<Mcias> {
  const temp = openTempStore();
  const { store } = temp;
  const port = await freePort();
  const origin = `https://localhost:${port}`;
  const masterKey: MasterKeySource = { file: join(temp.folder, 'keys', 'master.key'), credentialsDirectory: '' };
  const clock = { nowMs: Date.now() };
  initMasterKey(store, masterKey, clock.nowMs);
  let blocks = toml;
  const read = () => {
    const text = `[server]
public_url = "${origin}"
listen_addr = "127.0.0.1:${port}"
tls = "off"
grpc_addr = ""
[argon2]
memory = "19MiB"
passes = 2
parallelism = 1
memory_cap = "76MiB"
[rate_limit]
login_burst = 1000
${blocks}`;
    const loaded = loadConfigText(identityConfig, { file: 'mcias.toml', text });
    if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('\n'));
    return readInForce(loaded.config);
  };
  const rooms = createRooms({ store, masterKey, inForce: read(), clock: () => clock.nowMs });
  await rooms.keyring.maintain(clock.nowMs, () => {});
  store.change((writer) => writeBaselineRules(writer, { by: 'test', now: clock.nowMs }));
  const auditQueue = createAuditQueue(store, recordingLogger());
  const deps: ApiDeps = {
    ...rooms,
    callers: createCallers(rooms),
    auditQueue,
    countRefusal: () => {},
    exchangeCode: codeExchange(rooms),
  };
  const operations = createOperations(deps);
  const runner = createRunner(deps);
  const registry = createMetricsRegistry({ system: 'mcias', onSourceError: () => {} });
  const web = await createWeb(rooms, operations, runner, countRefusals(registry));
  const server = await startServer([restApi(operations, runner, rooms.keyring), ...web.apis], {
    listen: { host: '127.0.0.1', port },
    errorPage: web.errorPage,
  });
  return {
    server,
    origin,
    rooms,
    clock,
    async addPerson(name, roles, secret = password) {
      const hashed = await rooms.passwords.hash(secret);
      return store.change((writer) => {
        const draft = { name, type: 'human', roles, displayName: '', email: '', groups: [] } as const;
        const { id } = createAccount(writer, draft, 'test', clock.nowMs);
        rooms.passwords.store(writer, id, hashed, clock.nowMs);
        return id;
      });
    },
    configure(more) {
      blocks += `\n${more}`;
      rooms.apply(read());
    },
    config: (more = {}) => ({
      ...mciasSection('mcq').parse({ server_url: origin, ca_cert: server.tls.caPath }),
      ...more,
    }),
    metrics: () => registry.render(),
    audited: () =>
      listAudit(store.reader, everything, { limit: 500, cursor: null })
        .items.map(({ event, reason }) => (reason === '' ? event : `${event} ${reason}`))
        .toReversed(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      temp[Symbol.dispose]();
    },
  };
}

export function accountOf({ rooms }: Mcias, name: string) {
  const account = findAccountByName(rooms.store.reader, name);
  if (account === null) throw new Error(`there is no account ${name}`);
  return account;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
