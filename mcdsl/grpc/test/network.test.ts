import { once } from 'node:events';
import tls from 'node:tls';

import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';

import { makeTlsFolder } from '../../http/test/fixture.ts';
import { createCertificateSource } from '../../tls/index.ts';
import { defineService, listenGrpc } from '../index.ts';
import { DemoService, echo, recordingLogger, socketRules } from './fixture.ts';

async function start() {
  const folder = await makeTlsFolder();
  const logger = recordingLogger();
  const certificate = createCertificateSource({ ...folder, logger, intervalMs: 0 });
  const service = defineService(DemoService, { handlers: echo, authorization: { say: 'public', count: 'public' } });
  const listener = await listenGrpc({
    listen: { host: '127.0.0.1', port: 0 },
    certificate,
    services: [service],
    logger,
  });
  return {
    folder,
    certificate,
    listener,
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]();
      certificate[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}

function say(port: number, roots: string, text: string): Promise<string> {
  const client = new Client(`localhost:${port}`, credentials.createSsl(Buffer.from(roots)));
  const { path, requestSerialize, responseDeserialize } = DemoService.say;
  const reply = Promise.withResolvers<string>();
  client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { text, count: 0 },
    new Metadata(),
    { deadline: Date.now() + 10_000 },
    (error, answer) => (error === null ? reply.resolve(answer?.text ?? '') : reply.reject(error)),
  );
  return reply.promise.finally(() => client.close());
}

describe('gRPC on the network', () => {
  it('is served over TLS 1.3 to clients that speak h2, with the certificate of the moment', async () => {
    await using server = await start();
    const { port } = server.listener;
    const { ca } = server.folder;
    expect(await say(port, ca.certPem, 'hello')).toBe('hello');
    await server.folder.renew(['localhost']);
    server.certificate.reload();
    expect(await say(port, ca.certPem, 'again')).toBe('again');
    const old = tls.connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: ca.certPem,
      maxVersion: 'TLSv1.2',
    });
    const [error] = (await once(old, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  it('refuses rules that only a Unix socket can have, and an address in use', async () => {
    await using server = await start();
    const service = defineService(DemoService, { handlers: echo, authorization: socketRules });
    const listen = { host: '127.0.0.1', port: 0 };
    const logger = recordingLogger();
    const bySocket = listenGrpc({ listen, certificate: null, services: [service], logger });
    await expect(bySocket).rejects.toThrow(/file permissions/);
    const { port } = server.listener;
    const twice = listenGrpc({ listen: { ...listen, port }, certificate: null, services: [], logger });
    await expect(twice).rejects.toMatchObject({ code: 'listen_failed', message: /EADDRINUSE/ });
  });
});
