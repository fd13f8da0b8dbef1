import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';

import { commandErrors, refuseUsage } from '../../../../mcdsl/command/errors.ts';
import { readConfigFile } from '../../../../mcdsl/config/read-file.ts';
import { SystemError } from '../../../../mcdsl/errors/index.ts';
import { escapeControl, exitCode, formatDuration } from '../../../../mcdsl/terminal/index.ts';
import type { Colours, ExitCode, Terminal } from '../../../../mcdsl/terminal/index.ts';
import type { ApplyResponse, Difference } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { addCommand, durationOption } from '../command.ts';
import { messageJson } from '../json.ts';
import { count, showLine } from '../render.ts';
import type { Run } from '../session.ts';

type ApplyOptions = {
  readonly dryRun?: true;
  readonly confirmWithin?: number;
  readonly detailedExitcode?: true;
};

/** `apply`, `confirm` and `export`. */
export function addChangeSetCommands(program: Command, run: Run): void {
  addCommand(program, 'apply', {
    summary: 'bring everything that was added to what a file says',
    description:
      'Brings routes, policies, rules and the rate limit of the API to what the file says, as one change; what is not in ' +
      'it is removed. The file is TOML in the words of mc-proxy.toml, as export writes it; "-" reads standard input. A ' +
      'mistake anywhere changes nothing; the exit code is then 78.\n\n' +
      'With --confirm-within the change is taken back by itself unless confirm is run in time, also when the server is ' +
      'restarted or killed meanwhile; until then it refuses other changes.',
    example: 'mcproxyctl apply routes.toml --confirm-within 60s && curl https://app.example.test && mcproxyctl confirm',
  })
    .argument('<file>', 'the change set')
    .option('--dry-run', 'show the differences and change nothing')
    .option('--confirm-within <duration>', 'take the change back unless it is confirmed in time', durationOption)
    .option('--detailed-exitcode', 'with --dry-run: exit 2 when there are differences')
    .action(async (file: string, options: ApplyOptions) => {
      const { dryRun = false, confirmWithin = 0, detailedExitcode = false } = options;
      if (detailedExitcode && !dryRun) refuseUsage('--detailed-exitcode needs --dry-run');
      if (options.confirmWithin === 0) refuseUsage('--confirm-within 0 would leave no time; leave it out');
      const toml = await textOf(file);
      const request = { toml, file: file === '-' ? 'standard input' : file, dryRun, confirmWithinMs: confirmWithin };
      await run(async ({ admin, terminal, signal }) => {
        try {
          const answer = await admin.apply(request, { signal });
          showDifferences(terminal, answer, dryRun);
          return detailedExitcode && answer.total > 0 ? exitCode.drift : exitCode.ok;
        } catch (error) {
          return refused(terminal, error);
        }
      });
    });

  addCommand(program, 'confirm', {
    summary: 'keep the change that waits for it',
    description: 'Keeps the change that was applied with --confirm-within. Once it was taken back, this fails.',
    example: 'mcproxyctl confirm',
  }).action(() =>
    run(async ({ admin, terminal, signal }) => {
      const answer = await admin.confirm({}, { signal });
      showLine(terminal, messageJson(answer), `the change stays (generation ${answer.generation})`);
      return exitCode.ok;
    }),
  );

  addCommand(program, 'export', {
    summary: 'print everything that was added, fit to be applied',
    description:
      'Prints routes, policies, rules and rate limit of the API as TOML that apply takes. Entries of the configuration ' +
      'file are named in comments.',
    example: 'mcproxyctl export > routes.toml',
  }).action(() =>
    run(async ({ admin, terminal, signal }) => {
      const answer = await admin.export({}, { signal });
      if (terminal.json) terminal.show(messageJson(answer), () => '');
      else terminal.write(answer.toml);
      return exitCode.ok;
    }),
  );
}

async function textOf(file: string): Promise<string> {
  if (file === '-') return readAll(process.stdin);
  const read = readConfigFile(file);
  if (read.ok) return read.text;
  const expected = read.expected === null ? '' : `; expected: ${read.expected}`;
  throw commandErrors.error('config_invalid', `${file}: ${read.reason}${expected}`);
}

/** As `config check` ends on a file with mistakes. */
function refused(terminal: Terminal, error: unknown): ExitCode {
  if (!(error instanceof SystemError) || error.code !== 'changes_invalid') throw error;
  terminal.fail(error);
  return exitCode.badConfig;
}

function showDifferences(terminal: Terminal, answer: ApplyResponse, dryRun: boolean): void {
  const { differences, total, warnings } = answer;
  terminal.show(messageJson(answer), () => {
    const lines = differences.map((difference) => `${differenceText(difference, terminal.colours)}\n`);
    if (total > differences.length) lines.push(`… and ${total - differences.length} more\n`);
    return `${lines.join('')}${summary(answer, dryRun)}\n`;
  });
  if (!terminal.json) for (const warning of warnings) terminal.warn(warning);
}

function summary({ total, changed, generation, revertAt }: ApplyResponse, dryRun: boolean): string {
  if (total === 0) return 'no difference';
  if (!changed) return `${count(total, 'difference')}${dryRun ? '; nothing was changed (dry run)' : ''}`;
  const done = `${count(total, 'change')} in effect (generation ${generation})`;
  if (!revertAt) return done;
  const left = formatDuration(Math.max(0, revertAt.getTime() - Date.now()));
  return `${done}, taken back at ${revertAt.toISOString()} (in ${left}) unless you run: mcproxyctl confirm`;
}

function differenceText({ change, kind, listener, name, detail }: Difference, colours: Colours): string {
  const words = [kind.replace('_', ' '), name, listener === '' ? '' : `on ${listener}`].filter((word) => word !== '');
  const line = escapeControl(`${words.join(' ')}${detail === '' ? '' : `: ${detail}`}`);
  switch (change) {
    case 'added':
      return colours.green(`+ ${line}`);
    case 'removed':
      return colours.red(`- ${line}`);
    default:
      return colours.yellow(`~ ${line}`);
  }
}
