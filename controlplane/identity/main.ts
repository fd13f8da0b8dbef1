import { runServerProgram } from '../../mcdsl/command/index.ts';
import { addCommands, snapshotNote } from './commands/index.ts';
import { identityConfig } from './config/index.ts';
import { startServer } from './server.ts';
import { migrations } from './store/index.ts';
import { version } from './version.ts';

process.exitCode = await runServerProgram(
  {
    name: 'mcias',
    description: 'identity, tokens and login policy',
    version,
    config: identityConfig,
    migrations,
    databasePath: (config) => config.database.path,
    logLevel: (config) => config.log.level,
    snapshotNote,
    addCommands,
    serve: ({ loaded, logger, lifecycle, reloadConfig }) =>
      startServer(loaded.config, { lifecycle, logger, version, readConfig: () => reloadConfig().config }),
  },
  process.argv.slice(2),
  process,
);
