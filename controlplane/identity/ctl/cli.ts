import { Option } from 'commander';

import { createProgram } from '../../../mcdsl/command/program.ts';
import type { Streams } from '../../../mcdsl/command/program.ts';
import type { ExitCode } from '../../../mcdsl/terminal/index.ts';
import { addAccountCommands } from './commands/accounts.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addLoginCommands } from './commands/login.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addServerCommands } from './commands/server.ts';
import { addSessionCommands } from './commands/sessions.ts';
import { addTokenCommands } from './commands/tokens.ts';
import { openLoginFile } from './login-file.ts';
import { createPrompts } from './prompts.ts';
import { withSession, type Run } from './session.ts';

/** Runs one command line of mciasctl (without the program's name) and says what to exit with. */
export function runCli(argv: readonly string[], streams: Streams, version: string): Promise<ExitCode> {
  const program = createProgram(
    'mciasctl',
    'Manages accounts, tokens, sessions, login policy and keys of mcias over its API.',
    streams,
    argv.includes('--json'),
  );
  const { command, terminal, signal } = program;
  command
    .version(version, '--version', 'print the version')
    .addOption(new Option('--server <url>', 'origin of mcias; default: where you logged in').env('MCIAS_SERVER'))
    .addOption(new Option('--ca-cert <file>', 'PEM file of the CA; default: roots of the system').env('MCIAS_CA_CERT'))
    .addOption(new Option('--server-name <name>', 'name to verify when it is not the host').env('MCIAS_SERVER_NAME'))
    .addOption(new Option('--grpc-address <host:port>', 'default: port 9443 of the host').env('MCIAS_GRPC_ADDRESS'))
    .option('--grpc', 'use gRPC instead of REST')
    .option('--token-file <file>', 'use the token in this file, - for standard input, instead of your login')
    .option('--json', 'print JSON instead of text')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 see --detailed-exitcode, 3 mcias cannot be reached, 64 wrong usage, 130 interrupted.',
    );

  const deps = { terminal, signal, prompts: createPrompts(signal), loginFile: openLoginFile(process.env) };
  const run: Run = (work, { anonymous = false } = {}) =>
    program.action(() => withSession(command, deps, anonymous, work))();

  addLoginCommands(command, run);
  addAccountCommands(command, run);
  addTokenCommands(command, run);
  addSessionCommands(command, run);
  addPolicyCommands(command, run);
  addServerCommands(command, run);
  addAuditCommand(command, run);
  return program.run(argv);
}
