import { runServerProgram } from '../../../../mcdsl/command/index.ts';
import { identityConfig } from '../../config/index.ts';
import { migrations } from '../../store/index.ts';
import { addCommands, snapshotNote } from '../index.ts';

type Streams = Parameters<typeof runServerProgram>[2];

/** The command line of mcias without its server. */
export function runCommands(argv: readonly string[], streams: Streams): Promise<number> {
  return runServerProgram(
    {
      name: 'mcias',
      description: 'identity and login policy',
      version: '0.0.0',
      config: identityConfig,
      migrations,
      databasePath: ({ database }) => database.path,
      logLevel: ({ log }) => log.level,
      snapshotNote,
      addCommands,
      serve: () => Promise.reject(new Error('only the commands are here')),
    },
    argv,
    streams,
  );
}
