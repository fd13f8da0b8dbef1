import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { createAccount } from '../../controlplane/identity/accounts/index.ts';
import { identityConfig } from '../../controlplane/identity/config/index.ts';
import { initMasterKey } from '../../controlplane/identity/keys/index.ts';
import { writeBaselineRules } from '../../controlplane/identity/policy/index.ts';
import { createRooms, readInForce, type Rooms } from '../../controlplane/identity/rooms.ts';
import { openStore } from '../../controlplane/identity/store/index.ts';
import { platformAudience } from '../../controlplane/identity/tokens/index.ts';
import { loadConfigFile } from '../../mcdsl/config/index.ts';
import {
  WEB_HOST,
  type Command,
  type Config,
  type Contestant,
  type Load,
  type ServerKind,
  type Site,
} from './model.ts';

/** mcias as a server of scenarios, and requests that are the same for it and its rivals. */

const BIN = resolve(import.meta.dirname, '../../bin');
/** What mcias lets one system account have. */
const TOKENS_AN_ACCOUNT = 20;
export const SERVICE_NAME = 'bench';

export const mcias: ServerKind = {
  needs: [],
  configName: 'mcias.toml',
  run: (config) => [join(BIN, 'mcias'), 'server', '--config', config],
  test: (config) => [join(BIN, 'mcias'), 'config', 'check', '--config', config],
};

/** No limit of logins by address: every load comes from one. */
const mciasConfig =
  (listen: (site: Site) => { readonly rest: number; readonly grpc: string }): Config =>
  (site) => {
    const { dir, tls } = site;
    const { rest, grpc } = listen(site);
    return `[server]
listen_addr = "127.0.0.1:${rest}"
grpc_addr = "${grpc}"
public_url = "https://${WEB_HOST}"
tls_cert = "${tls.cert}"
tls_key = "${tls.key}"
[database]
path = "${dir}/mcias.db"
[admin]
socket = "${dir}/mcias.sock"
[metrics]
addr = ""
[log]
level = "warn"
[keys]
master_key_file = "${dir}/master.key"
[rate_limit]
login_per_minute = 1000000
login_burst = 1000000
`;
  };

export const restConfig = mciasConfig(({ port }) => ({ rest: port, grpc: '' }));
export const restAndGrpcConfig = mciasConfig(({ port }) => ({ rest: port, grpc: '127.0.0.1:0' }));
export const grpcConfig = mciasConfig(({ port }) => ({ rest: 0, grpc: `127.0.0.1:${port}` }));

/** Works on the database of a configuration file while no server runs. */
export async function inRooms<T>(configFile: string, work: (rooms: Rooms) => T | Promise<T>): Promise<T> {
  const loaded = loadConfigFile(identityConfig, configFile);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { config } = loaded;
  using store = openStore({ path: config.database.path });
  const masterKey = { file: config.keys.master_key_file, credentialsDirectory: '' };
  initMasterKey(store, masterKey, Date.now());
  const rooms = createRooms({ store, masterKey, inForce: readInForce(config) });
  await rooms.keyring.maintain(Date.now(), () => undefined);
  return await work(rooms);
}

/** Rules and live tokens of system accounts, twenty each. @returns the tokens */
export function addTokens({ store, issuer }: Rooms, count: number): string[] {
  const now = Date.now();
  return store.change((writer) => {
    writeBaselineRules(writer, { by: 'bench', now });
    return Array.from({ length: Math.ceil(count / TOKENS_AN_ACCOUNT) }, (_, number) => {
      const draft = {
        name: `svc-${number}`,
        type: 'system',
        roles: [],
        displayName: '',
        email: '',
        groups: [],
      } as const;
      const account = createAccount(writer, draft, 'bench', now);
      const token = { audience: [platformAudience], ttlMs: null, label: '' };
      return Array.from({ length: TOKENS_AN_ACCOUNT }, () => issuer.forSystem(writer, account, token, now).token);
    })
      .flat()
      .slice(0, count);
  });
}

/** What a load sends over and over, one body after the other, and what the first answer has to hold. */
export interface Calls {
  readonly path: string;
  readonly contentType: string;
  readonly authorization: string | null;
  readonly bodies: readonly string[];
  readonly expected: string;
}

const CALLS = 'calls.json';
const SCRIPT = 'calls.lua';

export function writeCalls(dir: string, calls: Calls): void {
  const { path, contentType, authorization, bodies } = calls;
  writeFileSync(join(dir, CALLS), JSON.stringify({ ...calls, bodies: bodies.slice(0, 1) }));
  writeFileSync(join(dir, 'bodies.txt'), bodies.join('\n'));
  const header = authorization === null ? '' : `, ["Authorization"] = ${JSON.stringify(authorization)}`;
  writeFileSync(
    join(dir, SCRIPT),
    `local bodies, at = {}, 0
for line in io.lines(${JSON.stringify(join(dir, 'bodies.txt'))}) do bodies[#bodies + 1] = line end
local headers = { ["Content-Type"] = ${JSON.stringify(contentType)}${header} }
function request()
  at = at % #bodies + 1
  return wrk.format("POST", ${JSON.stringify(path)}, headers, bodies[at])
end
`,
  );
}

export function validateCalls(tokens: readonly string[]): Calls {
  return {
    path: '/v1/token/validate',
    contentType: 'application/json',
    authorization: null,
    bodies: tokens.map((token) => JSON.stringify({ token, service_name: SERVICE_NAME })),
    expected: '"valid":true',
  };
}

/** wrk over kept connections with the calls of the server's directory. */
export function callsLoad(connections: number): Load {
  return {
    needs: ['wrk'],
    command: ({ dir, port }, { seconds }): Command => [
      'wrk',
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--timeout=30s',
      '-s',
      join(dir, SCRIPT),
      `https://${WEB_HOST}:${port}/`,
    ],
  };
}

/** The first of the calls is answered with 200 and what is expected. */
export async function checkCalls({ dir, port, tls }: Site): Promise<void> {
  const calls = JSON.parse(readFileSync(join(dir, CALLS), 'utf8')) as Calls;
  const answer = await new Promise<{ status: number; body: string }>((done, fail) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      servername: WEB_HOST,
      path: calls.path,
      method: 'POST',
      ca: readFileSync(tls.ca),
      agent: false,
      headers: {
        'content-type': calls.contentType,
        ...(calls.authorization === null ? {} : { authorization: calls.authorization }),
      },
    });
    sent.on('error', fail);
    sent.on('response', (response) => {
      text(response).then((body) => done({ status: response.statusCode ?? 0, body }), fail);
    });
    sent.end(calls.bodies[0]);
  });
  if (answer.status === 200 && answer.body.includes(calls.expected)) return;
  throw new Error(`answered ${answer.status} ${answer.body.slice(0, 300)} instead of ${calls.expected}`);
}

/** For scenarios that ask the server nothing. */
export async function checkListens({ port }: Site): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  socket.destroy();
}

/** mcias with so many live tokens, each validated in turn over REST. */
export function mciasWithTokens(count: number): Contestant {
  return {
    server: mcias,
    config: restConfig,
    async prepare({ dir }) {
      const tokens = await inRooms(join(dir, mcias.configName), (rooms) => addTokens(rooms, count));
      writeCalls(dir, validateCalls(tokens));
    },
  };
}
