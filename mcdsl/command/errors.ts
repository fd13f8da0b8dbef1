import type { CommanderError } from 'commander';

import { defineErrors, SystemError } from '../errors/index.ts';
import { exitCode } from '../terminal/index.ts';
import type { ExitCode } from '../terminal/index.ts';

export const commandErrors = defineErrors('command', {
  usage: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  config_invalid: { http: 400, grpc: 'FAILED_PRECONDITION', retry: false },
  no_database: { http: 400, grpc: 'FAILED_PRECONDITION', retry: false },
});

/** Of errors that say the other side was not reached or did not answer. */
const silentCodes = ['unavailable', 'draining', 'deadline_exceeded'];

/** What a command exits with that ended so (DESIGN §5). */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof SystemError)) return exitCode.failed;
  if (commandErrors.is(error, 'usage')) return exitCode.usage;
  if (commandErrors.is(error, 'config_invalid')) return exitCode.badConfig;
  // The way back is an older configuration of the machine, not another try (PF-32).
  if (error.code === 'database_schema_newer') return exitCode.badConfig;
  if (error.code === 'interrupted') return exitCode.interrupted;
  const isTransport = error.system === 'grpc' || error.system === 'http_client';
  const silent = isTransport && silentCodes.includes(error.code);
  // mcias, for a tool that asks it.
  const unasked = error.system === 'auth' && error.code === 'auth_unavailable';
  return silent || unasked || error.system === 'admin_socket' ? exitCode.partial : exitCode.failed;
}

/** As `exitCodeOf`, for a server that could not start: there is no other side that was not reached. */
export function startExitCodeOf(error: unknown): ExitCode {
  const code = exitCodeOf(error);
  return code === exitCode.partial ? exitCode.failed : code;
}

/** What a wrong command line is told; null when commander has shown help or the version and nothing is wrong. */
export function usageError(error: CommanderError): SystemError | null {
  if (error.exitCode === 0 || error.code === 'commander.help') return null;
  return usage(error.message.replace(/^error: /, ''));
}

/** Reports a wrong use of an option from within an action. */
export function refuseUsage(message: string): never {
  throw usage(message);
}

function usage(message: string): SystemError {
  return commandErrors.error('usage', `${message}\n--help after any command explains it`);
}
