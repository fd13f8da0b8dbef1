import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createRestClient, said, type RestClient } from '../test-support/rest-client.ts';
import { createMciasFolder, type MciasFolder, type RunningMcias } from '../test-support/running-mcias.ts';
import { authorization, ruleOf } from './authorization.ts';
import { createCallers, createOperations, createRunner, restApi, type ApiDeps } from './index.ts';
import { operation } from './operation.ts';
import { z } from 'zod';

let folder: MciasFolder;
let mcias: RunningMcias;
let rest: RestClient;

beforeEach(async () => {
  folder = await createMciasFolder();
  mcias = await folder.start();
  rest = createRestClient(mcias, folder.caPem);
});
afterEach(async () => {
  rest[Symbol.dispose]();
  await mcias[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe('IA-70 the authorization map', () => {
  it('row 44: an operation that it lacks cannot be made, so no server starts', () => {
    const name = 'accounts.rob' as keyof typeof authorization;
    expect(() => operation(name, z.strictObject({}), () => null)).toThrow(
      'operation accounts.rob is missing from the authorization map',
    );
    expect(() => ruleOf('toString' as keyof typeof authorization)).toThrow('missing');
  });

  it('every entry belongs to an operation that REST or gRPC serves, and every change asks for a recent login', async () => {
    const names = await folder.rooms((rooms) => {
      const operations = createOperations(depsOf(rooms));
      return Object.values(operations).flatMap((group) => Object.values(group).map(({ name }) => name));
    });
    expect(names.toSorted()).toEqual(Object.keys(authorization).toSorted());
    const changes = Object.entries(authorization).filter(
      ([name, { who }]) => who === 'admin' && !/list|get|follow/.test(name),
    );
    expect(changes.filter(([, { isSensitive }]) => !isSensitive)).toEqual([]);
  });

  it('every route but the public ones answers 401 without a token, and each public one by something else', async () => {
    const routes = await folder.rooms((rooms) => {
      const deps = depsOf(rooms);
      return restApi(createOperations(deps), createRunner(deps), rooms.keyring).routes;
    });
    expect(routes.length).toBeGreaterThan(50);
    const open: string[] = [];
    for (const { name, rule, target } of routes) {
      if (target.kind === 'mount') continue;
      const path = target.path.replaceAll(/:[a-z_]+/g, '1');
      const answer = said(await rest.send(target.method, path, target.method === 'GET' ? undefined : {}));
      if (rule === 'public') open.push(name);
      else expect([name, answer]).toEqual([name, '401 invalid_token']);
      if (rule === 'public') expect(answer).not.toBe('401 invalid_token');
    }
    expect(open).toEqual([
      'login',
      'mfa',
      'passkeyOptions',
      'passkeyVerify',
      'validate',
      'exchangeCode',
      'recover',
      'jwks',
    ]);
  });
});

function depsOf(rooms: Parameters<Parameters<MciasFolder['rooms']>[0]>[0]): ApiDeps {
  const auditQueue = { add: () => undefined, flush: () => undefined, stats: () => ({ waiting: 0, dropped: 0 }) };
  const exchangeCode = () => {
    throw new Error('no codes in this test');
  };
  return { ...rooms, callers: createCallers(rooms), auditQueue, countRefusal: () => undefined, exchangeCode };
}
