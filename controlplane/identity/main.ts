import { runServerProgram } from '../../mcdsl/command/index.ts';
import { addCommands, snapshotNote } from './commands/index.ts';
import { identityConfig } from './config/index.ts';
import { acceptRpIdChange } from './factors/index.ts';
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
    serverFlags: [
      {
        name: acceptRpIdChange,
        description: 'once, after a change of webauthn.rp_id: remove all passkeys, useless then',
      },
    ],
    addCommands,
    serve: ({ loaded, logger, lifecycle, flags, reloadConfig }) =>
      startServer(loaded.config, {
        lifecycle,
        logger,
        version,
        acceptsRpIdChange: flags.has(acceptRpIdChange),
        readConfig: () => reloadConfig().config,
      }),
  },
  process.argv.slice(2),
  process,
);
