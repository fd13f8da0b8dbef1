import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

import { z } from 'zod';

import { createAuthenticator, createMciasClient, human, principalOf, role } from '../../auth/index.ts';
import type { StandIn } from '../../auth/test/stand-in.ts';
import { recordingLogger } from '../../grpc/test/fixture.ts';
import { defineApi, formBody, html, redirect, route } from '../../http/index.ts';
import { startServer } from '../../http/test/fixture.ts';
import type { TestServer } from '../../http/test/fixture.ts';
import { createMetricsRegistry } from '../../metrics/index.ts';
import { createSso } from '../index.ts';
import type { Sso } from '../index.ts';

export type RelyingService = AsyncDisposable & {
  readonly server: TestServer;
  readonly origin: string;
  readonly clock: { nowMs: number };
  readonly sso: Sso;
  readonly notes: string[];
};

type ServiceOptions = { readonly name?: string; readonly form?: boolean; readonly plain?: boolean };

/** mcias, or what stands for it. */
export type MciasLike = Pick<StandIn, 'config'> & { readonly server: Pick<TestServer, 'origin'> };

/** A small service with pages behind a login: `/` and `/page` for people, `/admin` for admins, a form that posts to `/note`. */
export async function startService(standIn: MciasLike, options: ServiceOptions = {}): Promise<RelyingService> {
  const { name = 'demo', form = false, plain = false } = options;
  const port = await freePort();
  const origin = `https://localhost:${port}`;
  const config = standIn.config({ service_name: name });
  const logger = recordingLogger();
  const clock = { nowMs: Date.now() };
  const now = (): number => clock.nowMs;
  const mcias = createMciasClient(config, logger);
  const authenticator = createAuthenticator({
    client: mcias,
    config,
    registry: createMetricsRegistry({ system: 'demo' }),
    now,
  });
  const sso = createSso({
    mcias,
    authenticator,
    logger,
    redirectUri: form ? '' : `${origin}/sso/callback`,
    issuer: standIn.server.origin,
    origin,
    page: { service: name, stylesheet: '/assets/base.css' },
    now,
  });
  const notes: string[] = [];
  const hello = (path: `/${string}`) =>
    route({
      method: 'GET',
      path,
      page: true,
      query: z.strictObject({ q: z.string().optional() }),
      answer: (request) => html(200, `Hello ${principalOf(request).name} csrf=${sso.formToken(request)}`),
    });
  const api = defineApi({
    routes: {
      home: hello('/'),
      page: hello('/page'),
      admin: hello('/admin'),
      note: route({
        method: 'POST',
        path: '/note',
        page: true,
        body: formBody(z.strictObject({ csrf: z.string().optional(), text: z.string() })),
        answer(request) {
          sso.checkForm(request, request.body.csrf);
          notes.push(request.body.text);
          return redirect('/');
        },
      }),
    },
    authorization: {
      home: sso.signedIn(human),
      page: sso.signedIn(human),
      admin: sso.signedIn(role('admin')),
      note: sso.signedIn(human),
    },
  });
  const server = await startServer([sso.api, api], {
    listen: { host: '127.0.0.1', port },
    errorPage: sso.errorPage,
    plain,
  });
  return {
    server,
    origin: plain ? `http://localhost:${port}` : origin,
    clock,
    sso,
    notes,
    async [Symbol.asyncDispose]() {
      mcias[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

export type Page = {
  readonly status: number;
  readonly url: string;
  readonly headers: string;
  readonly body: string;
  /** The Set-Cookie lines of the last answer. */
  readonly cookies: readonly string[];
  readonly location: string | null;
  /** The hidden value of its form. */
  readonly csrf: string;
};

/** curl with a cookie jar, which keeps to the rules for `__Host-` and Secure cookies, and says what browsers say of a navigation. */
export type Browser = {
  open(url: string, ...options: readonly string[]): Promise<Page>;
  /** As `open`, following redirects; `status` and `url` are the last's. */
  follow(url: string, ...options: readonly string[]): Promise<Page>;
  submit(url: string, fields: Readonly<Record<string, string>>, ...options: readonly string[]): Promise<Page>;
  cookie(name: string): string | null;
};

const run = promisify(execFile);
let jars = 0;

export function openBrowser(standIn: StandIn, ...services: readonly RelyingService[]): Browser {
  const { path } = standIn.server.tls;
  const id = jars++;
  const jar = path(`jar-${id}`);
  const roots = path(`roots-${id}.pem`);
  const servers = [standIn.server, ...services.map(({ server }) => server)];
  writeFileSync(roots, servers.map(({ tls }) => tls.ca.certPem).join(''));
  writeFileSync(jar, '');
  const request = async (url: string, options: readonly string[]): Promise<Page> => {
    const common = [
      '-sS',
      '-D',
      '-',
      '--ipv4',
      '--http1.1',
      '--max-redirs',
      '10',
      '--cacert',
      roots,
      '-b',
      jar,
      '-c',
      jar,
    ];
    const { stdout } = await run('curl', [...common, '-w', '\n%{url_effective} %{response_code}', ...options, url]);
    const end = stdout.lastIndexOf('\n');
    const [effective = '', status = ''] = stdout.slice(end + 1).split(' ');
    const parts = stdout.slice(0, end).split('\r\n\r\n');
    const last = parts.findLastIndex((part) => /^HTTP\/\S+ \d/.test(part));
    const headers = parts[last] ?? '';
    const body = parts.slice(last + 1).join('\r\n\r\n');
    return {
      status: Number(status),
      url: effective,
      headers,
      body,
      cookies: [...headers.matchAll(/^set-cookie: (.*)$/gim)].map(([, line = '']) => line.trim()),
      location: /^location: (.*)$/im.exec(headers)?.[1]?.trim() ?? null,
      csrf: /csrf(?:="| value=|" value="|=)([\w-]{43})/.exec(body)?.[1] ?? '',
    };
  };
  return {
    open: (url, ...options) => request(url, options),
    follow: (url, ...options) => request(url, ['-L', ...options]),
    submit(url, fields, ...options) {
      const data = Object.entries(fields).flatMap(([field, value]) => ['--data-urlencode', `${field}=${value}`]);
      return request(url, ['-H', 'Sec-Fetch-Site: same-origin', ...data, ...options]);
    },
    cookie(name) {
      const line = readFileSync(jar, 'utf8')
        .split('\n')
        .find((entry) => entry.split('\t')[5] === name);
      return line?.split('\t')[6] ?? null;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
