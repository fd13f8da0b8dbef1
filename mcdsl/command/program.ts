import type { Socket } from 'node:net';

import { Command, CommanderError } from 'commander';

import { createTerminal, exitCode } from '../terminal/index.ts';
import type { ExitCode, Terminal } from '../terminal/index.ts';
import { exitCodeOf, usageError } from './errors.ts';

export type Streams = {
  readonly stdout: Pick<Socket, 'write' | 'on' | 'once' | 'off'> & { readonly isTTY?: boolean };
  readonly stderr: Pick<Socket, 'write' | 'on'> & { readonly isTTY?: boolean };
};

/** One run of a command line tool. */
export type Program = {
  /** Where commands are added. */
  readonly command: Command;
  readonly terminal: Terminal;
  /** Aborts on the first Ctrl-C, and when nobody reads standard output any more; the reason is an `Abort`. */
  readonly signal: AbortSignal;
  /** Wraps what a command does; a code other than 0 becomes the exit code. */
  action<Args extends readonly unknown[]>(
    work: (...args: Args) => Promise<ExitCode | void> | ExitCode | void,
  ): (...args: Args) => Promise<void>;
  /** Runs one command line, without the program's name. Prints every error, throws none. */
  run(argv: readonly string[]): Promise<ExitCode>;
};

export type Abort = 'interrupted' | 'output closed';

/** @param json whether the command line has `--json`, which also decides how its own mistakes are printed */
export function createProgram(name: string, description: string, streams: Streams, json: boolean): Program {
  const { stdout, stderr } = streams;
  const terminal = createTerminal({ stdout, stderr, env: process.env, json });
  const aborting = new AbortController();
  let code: ExitCode = exitCode.ok;

  const command = new Command(name)
    .description(description)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => void stderr.write(text),
      outputError: () => undefined,
    })
    .exitOverride();

  const codeOf = (error: unknown): ExitCode => {
    if (aborting.signal.reason === 'interrupted') return exitCode.interrupted;
    // `… | head`: its reader has what it wanted.
    if (aborting.signal.reason === 'output closed') return exitCode.ok;
    terminal.fail(error);
    return exitCodeOf(error);
  };

  return {
    command,
    terminal,
    signal: aborting.signal,
    action:
      (work) =>
      async (...args) => {
        code = (await work(...args)) ?? exitCode.ok;
      },
    async run(argv) {
      const onInterrupt = (): void => aborting.abort('interrupted' satisfies Abort);
      const onClosed = (): void => aborting.abort('output closed' satisfies Abort);
      // Once: a second Ctrl-C ends a process that does not heed the first.
      process.once('SIGINT', onInterrupt);
      stdout.once('error', onClosed);
      try {
        await command.parseAsync(argv, { from: 'user' });
        return aborting.signal.reason === 'interrupted' ? exitCode.interrupted : code;
      } catch (error) {
        if (!(error instanceof CommanderError)) return codeOf(error);
        const usage = usageError(error);
        if (usage !== null) return codeOf(usage);
        return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
      } finally {
        process.off('SIGINT', onInterrupt);
        stdout.off('error', onClosed);
      }
    },
  };
}
