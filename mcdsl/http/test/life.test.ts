import { once } from 'node:events';
import http2 from 'node:http2';
import tls from 'node:tls';

import { describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { defineApi, json, route } from '../index.ts';
import { curl, startServer } from './fixture.ts';

requireClient('curl');

describe('life of an HTTP server', () => {
  it('takes a renewed certificate for new connections, by change of the files and by reload', async () => {
    await using server = await startServer([]);
    const serial = async (): Promise<string> => {
      const socket = tls.connect({
        port: server.server.port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: server.tls.ca.certPem,
      });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const first = await serial();
    await server.tls.renew();
    await server.certificate.check();
    expect(await serial()).toBe(first);
    await server.certificate.check();
    const second = await serial();
    expect(second).not.toBe(first);
    await server.tls.renew();
    server.certificate.reload();
    expect(await serial()).not.toBe(second);
    expect(await server.registry.render()).toMatch(/^mc_demo_certificate_expiry_days 364\.\d+$/m);
  });

  it('drains: requests under way end, new ones find no listener, an idle HTTP/2 session is let go', async () => {
    const release = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const slow = defineApi({
      routes: {
        slow: route({
          method: 'GET',
          path: '/slow',
          async answer() {
            entered.resolve();
            await release.promise;
            return json(200, { done: true });
          },
        }),
      },
      authorization: { slow: 'public' },
    });
    await using server = await startServer([slow]);
    const idle = http2.connect(server.origin, { ca: server.tls.ca.certPem });
    await once(idle, 'connect');
    const gone = once(idle, 'close');
    const answer = curl(server, '/slow');
    await entered.promise;
    const drained = server.server.drain(new AbortController().signal);
    await gone;
    await expect(curl(server, '/v1/health')).rejects.toThrow(/onnect/);
    expect(server.server.remaining()).toBe(1);
    release.resolve();
    expect((await answer).body).toBe('{"done":true}');
    await drained;
    expect(server.server.remaining()).toBe(0);
  });
});
