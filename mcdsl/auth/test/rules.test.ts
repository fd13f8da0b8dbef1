import { once } from 'node:events';
import { createServer } from 'node:net';

import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { connectUnix, createGrpcServer, defineService } from '../../grpc/index.ts';
import { DemoService, echo, recordingLogger } from '../../grpc/test/fixture.ts';
import { defineApi, json, route } from '../../http/index.ts';
import { curl, startServer } from '../../http/test/fixture.ts';
import { createMetricsRegistry } from '../../metrics/index.ts';
import {
  account,
  allOf,
  anyAccount,
  anyOf,
  bearer,
  createAuthenticator,
  createMciasClient,
  human,
  principalOf,
  role,
  system,
} from '../index.ts';
import type { Requirement } from '../index.ts';
import { agent, ann, guest, startStandIn } from './stand-in.ts';
import type { StandIn, StandInAccount } from './stand-in.ts';

requireClient('curl');

const admin = { name: 'root', type: 'human', roles: ['admin'] } as const;
const requirements: Record<string, Requirement> = {
  anyAccount,
  human,
  system,
  user: role('admin', 'user'),
  agentOnly: account('mcp-agent'),
  humanUser: allOf(human, role('user')),
  deployers: anyOf(system, role('admin')),
};

function authenticatorFor(standIn: StandIn) {
  const config = standIn.config();
  const client = createMciasClient(config, recordingLogger());
  return {
    authenticator: createAuthenticator({ client, config, registry: createMetricsRegistry({ system: 'demo' }) }),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

describe('rules of services', () => {
  it('IA-77 IA-5 admit by type, role and name, over REST', async () => {
    await using standIn = await startStandIn();
    using auth = authenticatorFor(standIn);
    const names = Object.keys(requirements);
    const routes = names.map((name) => {
      const made = route({ method: 'GET', path: `/${name}`, answer: (r) => json(200, { name: principalOf(r).name }) });
      return [name, made] as const;
    });
    const rules = names.map((name) => [name, bearer(auth.authenticator, requirements[name]!)] as const);
    const api = defineApi({ routes: Object.fromEntries(routes), authorization: Object.fromEntries(rules) });
    await using server = await startServer([api]);
    const admitted: Record<string, string[]> = {};
    for (const who of [ann, guest, agent, admin]) {
      const header = `Authorization: Bearer ${standIn.issue(who)}`;
      const answers = await Promise.all(names.map((name) => curl(server, `/${name}`, '-H', header)));
      admitted[who.name] = names.filter((_, i) => answers[i]!.status === 200);
      expect(new Set(answers.map(({ status }) => status)).isSubsetOf(new Set([200, 403]))).toBe(true);
    }
    expect(admitted).toEqual({
      ann: ['anyAccount', 'human', 'user', 'humanUser'],
      guy: ['anyAccount', 'human'],
      'mcp-agent': ['anyAccount', 'system', 'agentOnly', 'deployers'],
      root: ['anyAccount', 'human', 'user', 'deployers'],
    });
    const line = server.logger.lines.find(({ fields }) => fields['route'] === 'GET /anyAccount');
    expect(line?.fields['account']).toBe('ann');
  });

  it('IA-78 answer 401 to a bad token and 503 when nobody can tell', async () => {
    await using standIn = await startStandIn();
    using auth = authenticatorFor(standIn);
    const one = route({ method: 'GET', path: '/a', answer: () => json(200, {}) });
    const api = defineApi({ routes: { one }, authorization: { one: bearer(auth.authenticator, anyAccount) } });
    await using server = await startServer([api]);
    for (const header of [
      'X: y',
      'Authorization: Basic YTpi',
      'Authorization: Bearer',
      'Authorization: Bearer a.b.c',
    ]) {
      const refused = await curl(server, '/a', '-H', header);
      expect([header, refused.status, refused.headers.get('www-authenticate')]).toEqual([header, 401, 'Bearer']);
      expect(refused.body).toContain('"invalid_token"');
    }
    await standIn.server.server[Symbol.asyncDispose]();
    const unknown = await curl(server, '/a', '-H', 'Authorization: Bearer a.b.d');
    expect([unknown.status, unknown.headers.get('retry-after')]).toEqual([503, '5']);
    expect(unknown.body).toContain('"auth_unavailable"');
  });

  it('IA-77 are the same over gRPC', async () => {
    await using standIn = await startStandIn();
    using auth = authenticatorFor(standIn);
    const rule = bearer(auth.authenticator, system);
    const service = defineService(DemoService, {
      handlers: { ...echo, say: (_request, context) => ({ text: principalOf(context).name }) },
      authorization: { say: rule, count: rule },
    });
    await using server = createGrpcServer({ transport: 'network', services: [service], logger: recordingLogger() });
    const path = standIn.server.tls.path('grpc.sock');
    const listener = createServer((socket) => server.accept(socket)).listen(path);
    await once(listener, 'listening');
    using connection = await connectUnix(path);
    const refused = connection.client(DemoService).say({ text: '', count: 0 });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_token', grpc: 'UNAUTHENTICATED' });
    const client = new Client(`unix:${path}`, credentials.createInsecure());
    const say = async (who: StandInAccount): Promise<string> => {
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${standIn.issue(who)}`);
      const { path: method, requestSerialize, responseDeserialize } = DemoService.say;
      const reply = Promise.withResolvers<string>();
      client.makeUnaryRequest(
        method,
        requestSerialize,
        responseDeserialize,
        { text: '', count: 0 },
        metadata,
        (error, answer) => (error === null ? reply.resolve(answer?.text ?? '') : reply.reject(error)),
      );
      return reply.promise;
    };
    expect(await say(agent)).toBe('mcp-agent');
    await expect(say(ann)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    client.close();
    listener.close();
  });
});

describe('clients', () => {
  it('log in with a second factor, renew and log out', async () => {
    await using standIn = await startStandIn();
    using client = createMciasClient(standIn.config(), recordingLogger(), () => null);
    const login = { username: 'ann', password: 'right', clientAddress: '203.0.113.7' };
    await expect(client.login({ ...login, password: 'wrong' })).rejects.toMatchObject({
      code: 'invalid_credentials',
      http: 401,
    });
    await expect(client.login(login)).rejects.toMatchObject({ code: 'mfa_required', details: { mfa_ticket: 't' } });
    const first = await client.login({ ...login, totpCode: '123456' });
    expect(first.account).toEqual({ id: 'id-ann', name: 'ann', type: 'human', roles: ['user'] });
    const second = await client.renew(first.token);
    await client.logout(second.token);
    await expect(client.renew(second.token)).rejects.toMatchObject({ code: 'invalid_token' });
    expect(standIn.calls).toEqual([
      'login ann 203.0.113.7',
      'login ann 203.0.113.7',
      'login ann 203.0.113.7',
      'renew ann',
      'logout ann',
    ]);
  });
});
