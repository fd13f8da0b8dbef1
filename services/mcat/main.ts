import { runServerProgram } from '../../mcdsl/command/index.ts';
import { mcatConfig } from './config.ts';
import { addRunCommand } from './run.ts';
import { startServer } from './server.ts';
import { version } from './version.ts';

process.exitCode = await runServerProgram(
  {
    name: 'mcat',
    description: 'tests the login policy of mcias',
    version,
    config: mcatConfig,
    migrations: [],
    databasePath: () => null,
    logLevel: (config) => config.log.level,
    addCommands: addRunCommand,
    serve: ({ loaded, logger, lifecycle, reloadConfig }) =>
      startServer(loaded.config, { lifecycle, logger, version, readConfig: () => reloadConfig().config }),
  },
  process.argv.slice(2),
  process,
);
