import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { createRestClient, textOf } from '../../test-support/rest-client.ts';
import {
  createMciasFolder,
  testPassword,
  type MciasFolder,
  type RunningMcias,
} from '../../test-support/running-mcias.ts';
import { runCli } from '../cli.ts';
import { openLoginFile } from '../login-file.ts';

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** A running mcias with an admin, and the home folder of whoever runs mciasctl. */
export type CtlFixture = AsyncDisposable & {
  readonly folder: MciasFolder;
  readonly server: RunningMcias;
  readonly home: string;
  /** TOTP code of the admin `root` for a step counted from now. */
  readonly codeOf: (offset?: number) => string;
  /** A new admin's login in the home folder, without a terminal. */
  logIn(): Promise<void>;
  /** Runs a command line in this process, which has no terminal. */
  ctl(...args: readonly string[]): Promise<Ran>;
  /** What it printed as JSON. @throws when it failed */
  json(...args: readonly string[]): Promise<unknown>;
};

export async function openCtlFixture(): Promise<CtlFixture> {
  const folder = await createMciasFolder();
  const codeOf = await folder.enrolTotp(await folder.addPerson('root', ['admin']));
  const server = await folder.start();
  const home = mkdtempSync(join(tmpdir(), 'mciasctl-'));
  const ctl = async (...args: readonly string[]): Promise<Ran> => {
    process.env['XDG_CONFIG_HOME'] = home;
    const [stdout, stderr] = [captured(), captured()];
    const code = await runCli(args, { stdout, stderr }, '1.2.3');
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  };
  return {
    folder,
    server,
    home,
    codeOf,
    ctl,
    async logIn() {
      using client = createRestClient(server, folder.caPem);
      const body = { username: 'root', password: testPassword, totp_code: codeOf(), service_name: 'mcias' };
      const answer = await client.post('/v1/auth/login', body);
      openLoginFile({ XDG_CONFIG_HOME: home }).write({
        server: server.url,
        grpc_address: `localhost:${server.grpcPort}`,
        ca_cert: folder.caFile,
        server_name: '',
        token: textOf(answer, 'token'),
        account: 'root',
        expires_at: textOf(answer, 'expires_at'),
        renew_after: textOf(answer, 'renew_after'),
      });
    },
    async json(...args) {
      const ran = await ctl(...args, '--json');
      if (ran.code !== 0) throw new Error(`mciasctl ${args.join(' ')}: ${ran.code} ${ran.stderr}`);
      return JSON.parse(ran.stdout);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
      rmSync(home, { recursive: true, force: true });
      delete process.env['XDG_CONFIG_HOME'];
    },
  };
}

function captured(): Socket & { text(): string } {
  const stream = new PassThrough();
  const text = (): string => String(stream.read() ?? '');
  // Of a socket, only what a stream has is used.
  return Object.assign(stream as unknown as Socket, { text });
}
