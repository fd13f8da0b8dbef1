import { dirname } from 'node:path';

import { z } from 'zod';

import { createAuthenticator, createMciasClient, human, principalOf, role } from '../../auth/index.ts';
import type { StandIn } from '../../auth/test/stand-in.ts';
import { recordingLogger } from '../../grpc/test/fixture.ts';
import { defineApi, formBody, html, redirect, route } from '../../http/index.ts';
import { startServer } from '../../http/test/fixture.ts';
import type { TestServer } from '../../http/test/fixture.ts';
import { createMetricsRegistry } from '../../metrics/index.ts';
import { freePort } from '../../test-support/free-port.ts';
import { createSso } from '../index.ts';
import type { Sso } from '../index.ts';
import { openCurlBrowser, type Browser } from './curl-browser.ts';

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

export function openBrowser(standIn: StandIn, ...services: readonly RelyingService[]): Browser {
  const servers = [standIn.server, ...services.map(({ server }) => server)];
  const { caPath } = standIn.server.tls;
  return openCurlBrowser(
    dirname(caPath),
    servers.map(({ tls }) => tls.ca.certPem),
  );
}
