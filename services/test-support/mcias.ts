import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSeedCa } from '../../mcdsl/seed-pki/index.ts';
import { repositoryRoot, startProgram, type RunningProgram } from '../../mcdsl/test-support/running-program.ts';
import { totpCode } from './totp.ts';

export type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

/** The real mcias with people and rules, reached as every service reaches it: over its API. */
export type TestMcias = AsyncDisposable & {
  readonly folder: string;
  readonly url: string;
  readonly caFile: string;
  readonly caPem: string;
  readonly adminPassword: string;
  readonly process: RunningProgram;
  /** Certificate and key for this machine, issued by the same CA. */
  issuePair(folder: string): Promise<void>;
  send(method: string, path: string, body?: object, token?: string): Promise<Answer>;
  /** As `send`, by the admin. @throws Error for any refusal */
  admin(method: string, path: string, body?: object): Promise<Answer['body']>;
  addPerson(name: string, roles: readonly string[], password: string): Promise<void>;
  /** Enrols TOTP for a person whose password this is; returns the secret in Base32. */
  enrolTotp(name: string, password: string): Promise<string>;
  /** A system account. */
  addService(name: string): Promise<void>;
  /** Writes a token of it to a file of mode 0600. @returns its id */
  issueToken(account: string, file: string): Promise<string>;
  putRules(rules: readonly object[]): Promise<void>;
  disable(name: string): Promise<void>;
  /** `[mcias]` of a service's file. */
  section(more?: string): string;
};

export const adminName = 'root-admin';

/** @param more lines below the configuration's last section, `[rate_limit]` included if it is to be another */
export async function startMcias(more = ''): Promise<TestMcias> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'mcias-for-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const ca = await createSeedCa('Test Root');
  const issuePair = async (to: string): Promise<void> => {
    const pair = await ca.issue({ names: ['mcias.example.test', 'localhost', '127.0.0.1', '::1'] });
    mkdirSync(to, { recursive: true });
    writeFileSync(join(to, 'cert.pem'), pair.certPem);
    writeFileSync(join(to, 'key.pem'), pair.keyPem, { mode: 0o600 });
  };
  await issuePair(join(folder, 'certs'));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, ca.certPem);
  const configFile = join(folder, 'mcias.toml');
  writeFileSync(configFile, configText(folder, more));

  const program = join(repositoryRoot, 'bin/mcias');
  const init = ['--config', configFile, 'init', '--admin', adminName, '--generate', '--json'];
  const { status, stdout, stderr } = spawnSync(program, init, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mcias init ended with ${status}: ${stderr}`);
  const { password: adminPassword } = JSON.parse(stdout) as { password: string };
  const process = stack.use(await startProgram('mcias', configFile));
  const url = `https://localhost:${Number(process.ready['port'])}`;
  const agent = new https.Agent({ keepAlive: true, ca: ca.certPem });
  stack.defer(() => agent.destroy());

  const send: TestMcias['send'] = (method, path, body, token) => request(agent, `${url}${path}`, method, body, token);
  const required = async (method: string, path: string, body?: object, token?: string): Promise<Answer['body']> => {
    const answer = await send(method, path, body, token);
    if (answer.status < 300) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  const logIn = async (username: string, password: string): Promise<string> => {
    const granted = await required('POST', '/v1/auth/login', { username, password, service_name: 'mcias' });
    return String(granted['token']);
  };
  const adminToken = await logIn(adminName, adminPassword);
  const admin: TestMcias['admin'] = (method, path, body) => required(method, path, body, adminToken);
  const all = stack.move();

  return {
    folder,
    url,
    caFile,
    caPem: ca.certPem,
    adminPassword,
    process,
    issuePair,
    send,
    admin,
    async addPerson(name, roles, password) {
      const created = await admin('POST', '/v1/accounts', { name, type: 'human', roles });
      const { ticket } = created['reset'] as { ticket: string };
      await required('POST', '/v1/recover', { ticket, new_password: password });
    },
    async enrolTotp(name, password) {
      const token = await logIn(name, password);
      const secret = String((await required('POST', '/v1/me/totp', {}, token))['secret']);
      // The step before, so that the code of this one is still good.
      await required('POST', '/v1/me/totp/confirm', { code: totpCode(secret, -1) }, token);
      return secret;
    },
    async addService(name) {
      await admin('POST', '/v1/accounts', { name, type: 'system' });
    },
    async issueToken(account, file) {
      const issued = await admin('POST', '/v1/token/issue', { account, label: 'test' });
      writeFileSync(file, `${String(issued['token'])}\n`, { mode: 0o600 });
      return String(issued['token_id']);
    },
    async putRules(rules) {
      const { revision } = await admin('GET', '/v1/policy');
      await admin('PUT', '/v1/policy', { rules, revision });
    },
    async disable(name) {
      const { revision } = await admin('GET', `/v1/accounts/${name}`);
      await admin('POST', `/v1/accounts/${name}/disable`, { revision });
    },
    section: (lines = '') => `[mcias]\nserver_url = "${url}"\nca_cert = "${caFile}"\n${lines}`,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Hashes as small as the configuration lets them be, and no second factor for the admin: a test is about something else. */
function configText(folder: string, more: string): string {
  return `[server]
listen_addr = "127.0.0.1:0"
grpc_addr = ""
tls_cert = "${folder}/certs/cert.pem"
tls_key = "${folder}/certs/key.pem"
public_url = "https://mcias.example.test"
shutdown_timeout = "2s"
[database]
path = "${folder}/mcias.db"
[admin]
socket = "${folder}/mcias.sock"
[metrics]
addr = ""
[keys]
master_key_file = "${folder}/keys/master.key"
[auth]
admin_requires_mfa = false
[argon2]
memory = "19MiB"
passes = 2
parallelism = 1
${more.includes('[rate_limit]') ? '' : '[rate_limit]\nlogin_per_minute = 100000\nlogin_burst = 100000\n'}${more}`;
}

function request(agent: https.Agent, url: string, method: string, body?: object, token?: string): Promise<Answer> {
  const answered = Promise.withResolvers<Answer>();
  const bytes = body === undefined ? null : JSON.stringify(body);
  const sent = https.request(url, {
    agent,
    method,
    headers: {
      ...(bytes === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  sent.on('error', answered.reject);
  sent.on('response', (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('error', answered.reject);
    response.on('data', (part: string) => (text += part));
    response.on('end', () => {
      const parsed = text === '' ? {} : (JSON.parse(text) as Answer['body']);
      answered.resolve({ status: response.statusCode ?? 0, body: parsed });
    });
  });
  sent.end(bytes ?? undefined);
  return answered.promise;
}
