// A whole server of the smallest kind, and the tool that talks to it: `demo.ts …` and `demo.ts ctl …`.
import { createServer } from 'node:net';
import { z } from 'zod';

import { HealthService } from '../../../proto/gen/grpc/health/v1/health.ts';
import { createAdminSocket } from '../../admin/index.ts';
import { adminSection, databaseSection, defineConfig, duration, logSection, section } from '../../config/index.ts';
import { openDatabase } from '../../database/index.ts';
import type { Migration } from '../../database/index.ts';
import { createMetricsRegistry } from '../../metrics/index.ts';
import { exitCode } from '../../terminal/index.ts';
import { createCtl, runServerProgram } from '../index.ts';

const migrations: Migration[] = [
  { version: 1, name: 'notes', up: 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT' },
  { version: 2, name: 'authors', up: "ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT ''" },
];

const config = defineConfig({
  service: 'demo',
  schema: z.strictObject({
    database: section(databaseSection('demo')),
    admin: section(adminSection('demo')),
    log: section(logSection()),
    shutdown_timeout: duration().prefault('30s'),
    port: z.int().min(0).max(65535).default(0),
  }),
});

async function runCtl(argv: readonly string[]): Promise<number> {
  const options = { name: 'democtl', description: 'Talks to demo.', version: '1.2.3' };
  const socket = { defaultSocket: '/srv/demo/demo.sock', socketVariable: 'DEMO_ADMIN_SOCKET' };
  const ctl = createCtl({ ...options, ...socket }, process, argv);
  ctl.command
    .command('status')
    .description('whether it serves')
    .action(
      ctl.connected(async (connection) => {
        const { statuses } = await connection.client(HealthService).list({});
        const rows = Object.entries(statuses).map(([part, { status }]) => ({ part, status }));
        ctl.terminal.showTable([{ title: 'part', value: (row) => row.part }], rows);
      }),
    );
  ctl.command.command('many').action(
    ctl.action(async () => {
      for (let i = 0; i < 100_000 && !ctl.signal.aborted; i++) {
        ctl.terminal.write(`line ${i}\n`);
        if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  );
  ctl.command.command('wait').action(
    ctl.connected(async (connection) => {
      for await (const { status } of connection.client(HealthService).watch({ service: '' }, { signal: ctl.signal })) {
        ctl.terminal.write(`${status}\n`);
      }
      return exitCode.ok;
    }),
  );
  ctl.command.command('bug').action(ctl.action(() => Promise.reject(new TypeError('x is not a function'))));
  return ctl.run(argv);
}

const argv = process.argv.slice(2);
process.exitCode =
  argv[0] === 'ctl'
    ? await runCtl(argv.slice(1))
    : await runServerProgram(
        {
          name: 'demo',
          description: 'A server for tests.',
          version: '1.2.3',
          config,
          migrations,
          databasePath: ({ database }) => database.path,
          logLevel: ({ log }) => log.level,
          async serve({ loaded, lifecycle, logger, version, reloadConfig }) {
            const { stack, health, drain } = lifecycle;
            const { config: started } = loaded;
            const databasePath = started.database.path;
            stack.use(openDatabase({ path: databasePath, migrations }));
            const registry = createMetricsRegistry({ system: 'demo' });
            const stats = { service: 'demo', version, databasePath, registry };
            const { socket: path, mode, group } = started.admin;
            stack.use(await createAdminSocket({ path, mode, group, services: [], health, stats, drain, logger }));
            const listener = createServer().listen(started.port, '127.0.0.1');
            stack.defer(() => void listener.close());
            logger.info('up');
            let current = started;
            return {
              shutdownTimeoutMs: () => current.shutdown_timeout,
              drain: async () => undefined,
              kill: () => undefined,
              remaining: () => 0,
              async reload() {
                current = reloadConfig().config;
                logger.debug('reload seen', { shutdown_timeout_ms: current.shutdown_timeout });
              },
            };
          },
        },
        argv,
        process,
      );
