import { loadOrThrow, type OwnCommands } from '../../mcdsl/command/index.ts';
import { createLogger } from '../../mcdsl/logging/index.ts';
import { exitCode, formatTable, type Column, type ExitCode } from '../../mcdsl/terminal/index.ts';
import { casesFile, runCase, type Case, type CaseResult } from './cases.ts';
import type { mcatConfig } from './config.ts';
import { createMcias } from './mcias.ts';

const columns: readonly Column<CaseResult>[] = [
  { title: '', value: ({ ok }) => (ok ? 'ok' : 'DIFFERS') },
  { title: 'account', value: ({ case: { account } }) => account },
  { title: 'service', value: ({ case: { service_name: name } }) => name },
  { title: 'tags', value: ({ case: { tags } }) => tags.join(' ') || null },
  { title: 'expected', value: ({ case: one }) => wanted(one) },
  { title: 'got', value: ({ got, reason, rule }) => [got, reason, rule ?? ''].join(' ').trimEnd() },
];

/** `mcat run FILE`: a regression test of the login policy. */
export function addRunCommand(own: OwnCommands<(typeof mcatConfig)['schema']>): void {
  const { command, terminal, action, signal } = own;
  command
    .command('run')
    .description('ask mcias about each case of a file; exit code 2 when an answer is not the expected one')
    .argument('<file>', 'TOML: [[cases]] with account, service_name, tags, expect = "allow" or "deny", reason, rule')
    .option('--json', 'print JSON')
    .action(
      action(async (file: string): Promise<ExitCode> => {
        const { cases } = loadOrThrow(casesFile, file).config;
        // What it would say is in the error that ends the command.
        const logger = createLogger({ service: 'mcat', level: 'fatal' });
        using mcias = createMcias(own.readConfig().mcias, logger, false);
        const results: CaseResult[] = [];
        for (const one of cases) {
          signal.throwIfAborted();
          results.push(await runCase(mcias, one));
        }
        const differ = results.filter(({ ok }) => !ok).length;
        terminal.show(
          { ok: differ === 0, cases: results.length, differ, results: results.map(toJson) },
          () => `${formatTable(columns, results)}${results.length} cases, ${differ} differ\n`,
        );
        return differ === 0 ? exitCode.ok : exitCode.drift;
      }),
    );
}

function wanted({ expect, reason, rule }: Case): string {
  return [expect, reason, rule].filter((word) => word !== undefined).join(' ');
}

function toJson({ case: one, got, reason, rule, ok }: CaseResult) {
  return { ...one, got, got_reason: reason, got_rule: rule, ok };
}
