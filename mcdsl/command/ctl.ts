import { Option } from 'commander';

import { connectUnix } from '../grpc/index.ts';
import type { UnixConnection } from '../grpc/index.ts';
import type { ExitCode } from '../terminal/index.ts';
import { createProgram } from './program.ts';
import type { Program, Streams } from './program.ts';

export type CtlOptions = {
  /** The tool's name, e.g. `mcproxyctl`. */
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly defaultSocket: string;
  /** The server's variable for the socket, e.g. `MC_PROXY_ADMIN_SOCKET`. */
  readonly socketVariable: string;
};

export type Ctl = Program & {
  /** As `action`, with a connection to the admin socket before the command's own arguments. */
  connected<Args extends readonly unknown[]>(
    work: (connection: UnixConnection, ...args: Args) => Promise<ExitCode | void>,
  ): (...args: Args) => Promise<void>;
};

/** A tool that talks to an admin socket: `--socket`, `--json`, the exit codes, and errors that say what to do. */
export function createCtl(options: CtlOptions, streams: Streams, argv: readonly string[]): Ctl {
  const program = createProgram(options.name, options.description, streams, argv.includes('--json'));
  program.command
    .version(options.version, '--version', 'print the version')
    .addOption(
      new Option('--socket <path>', 'the admin socket').env(options.socketVariable).default(options.defaultSocket),
    )
    .option('--json', 'print JSON instead of text')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 3 partly done or server unreachable, 64 wrong usage, 130 interrupted.',
    );
  return {
    ...program,
    connected: (work) =>
      program.action(async (...args) => {
        using connection = await connectUnix(program.command.opts<{ socket: string }>().socket);
        return await work(connection, ...args);
      }),
  };
}
