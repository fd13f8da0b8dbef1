import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createAccount } from '../../../controlplane/identity/accounts/index.ts';
import { program } from '../backends.ts';
import { checkListens, inRooms, mcias, restConfig } from '../mcias.ts';
import type { Scenario } from '../model.ts';
import { spread } from '../statistics.ts';

const report = z.strictObject({ ms: z.array(z.number()), errors: z.array(z.string()) });

export const scenario: Scenario = {
  name: 'mcias-start',
  about:
    'from the start of bin/mcias to its line "ready", median; one start after the other on a database of so many accounts',
  unit: 'start',
  metric: 'time',
  scale: { what: 'accounts', one: 'account', sizes: [1, 10_000], memory: 'idle' },
  ours: {
    server: mcias,
    config: restConfig,
    async prepare(site) {
      // A database of its own for the starts: the server that is measured beside them holds the other.
      const dir = join(site.dir, 'starts');
      mkdirSync(dir);
      const file = join(dir, mcias.configName);
      writeFileSync(file, restConfig({ ...site, dir, port: 0 }).replace('level = "warn"', 'level = "info"'));
      await inRooms(file, ({ store }) =>
        store.change((writer) => {
          for (let number = 0; number < site.size; number++) {
            const draft = { type: 'human', roles: ['user'], displayName: '', email: '', groups: [] } as const;
            createAccount(writer, { ...draft, name: `person-${number}` }, 'bench', Date.now());
          }
        }),
      );
    },
  },
  rivals: {},
  load: {
    needs: [],
    command: ({ dir }, { seconds }) => program('start-mcias', join(dir, 'starts', mcias.configName), String(seconds)),
  },
  count(output) {
    const { ms, errors } = report.parse(JSON.parse(output));
    return { units: ms.length, errors, ...(ms.length > 0 && { timedUs: spread(ms).median * 1000 }) };
  },
  check: checkListens,
};
