import { runServerProgram } from '../mcdsl/command/index.ts';
import { proxyConfig, toDesired } from './engine/config/index.ts';
import { startServer } from './engine/server.ts';
import { migrations } from './engine/store/index.ts';
import { version } from './engine/version.ts';

process.exitCode = await runServerProgram(
  {
    name: 'mc-proxy',
    description: 'TLS proxy, router and firewall',
    version,
    config: proxyConfig,
    migrations,
    databasePath: (config) => config.database.path,
    logLevel: (config) => config.log.level,
    serve: ({ loaded, logger, lifecycle, takeOver, reloadConfig }) =>
      startServer(toDesired(loaded), {
        lifecycle,
        logger,
        version,
        takeOver,
        readConfig: () => toDesired(reloadConfig()),
      }),
  },
  process.argv.slice(2),
  process,
);
