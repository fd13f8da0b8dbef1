import { join } from 'node:path';
import { createAccount } from '../../../controlplane/identity/accounts/index.ts';
import { writeBaselineRules } from '../../../controlplane/identity/policy/index.ts';
import { callsLoad, checkCalls, inRooms, mcias, restConfig, SERVICE_NAME, writeCalls } from '../mcias.ts';
import type { Scenario } from '../model.ts';
import { argon2Loop } from '../servers.ts';
import { countAnswers } from '../tools/wrk.ts';

const PEOPLE = 16;
const PASSWORD = 'a password of the bench';

export const scenario: Scenario = {
  name: 'mcias-login',
  about:
    'a login with a password (Argon2id, 64 MiB, 3 passes, 4 lanes), 8 connections, by wrk; the rival hashes as much with as many at once and does nothing else',
  unit: 'login',
  metric: 'cpu',
  ours: {
    server: mcias,
    config: restConfig,
    async prepare({ dir }) {
      const names = Array.from({ length: PEOPLE }, (_, number) => `person-${number}`);
      await inRooms(join(dir, mcias.configName), async ({ store, passwords }) => {
        const now = Date.now();
        store.change((writer) => writeBaselineRules(writer, { by: 'bench', now }));
        const hashed = await passwords.hash(PASSWORD);
        store.change((writer) => {
          for (const name of names) {
            const draft = { name, type: 'human', roles: ['user'], displayName: '', email: '', groups: [] } as const;
            const { id } = createAccount(writer, draft, 'bench', now);
            passwords.store(writer, id, hashed, now);
          }
        });
      });
      writeCalls(dir, {
        path: '/v1/auth/login',
        contentType: 'application/json',
        authorization: null,
        bodies: names.map((username) => JSON.stringify({ username, password: PASSWORD, service_name: SERVICE_NAME })),
        expected: '"token":',
      });
    },
  },
  rivals: {
    'argon2-loop': {
      server: argon2Loop,
      config: ({ port, tls }) => JSON.stringify({ port, cert: tls.cert, key: tls.key, atOnce: 4 }),
      prepare({ dir }) {
        const body = { contentType: 'text/plain', authorization: null, bodies: [PASSWORD], expected: 'hashed' };
        writeCalls(dir, { path: '/', ...body });
      },
    },
  },
  load: callsLoad(8),
  count: countAnswers,
  check: checkCalls,
};
