import type { Command } from 'commander';

import { escapeControl } from '../../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../../mcdsl/terminal/index.ts';
import type { AuditEntry, AuditFilter } from '../../../../proto/gen/mcias/v1/audit.ts';
import { shown } from '../json.ts';
import { timeOption, timeText, wholeNumber } from '../options.ts';
import type { Run } from '../session.ts';

type AuditOptions = {
  readonly follow?: true;
  readonly account?: string;
  readonly event?: string;
  readonly since?: Date;
  readonly limit: number;
};

const pageSize = 500;

/** `audit`. */
export function addAuditCommand(program: Command, run: Run): void {
  program
    .command('audit')
    .description('show the audit log, the newest entries last')
    .option('--follow', 'go on with what is written from now on')
    .option('--account <name>', 'only what it did or what happened to it')
    .option('--event <event>', 'only of this kind, such as login.refused')
    .option('--since <time>', 'only from this time on', timeOption)
    .option('--limit <count>', 'at most so many, the newest ones', wholeNumber, 100)
    .action(({ follow, account, event, since, limit }: AuditOptions) =>
      run(async ({ api, terminal, signal }) => {
        const filter: AuditFilter = {
          since,
          until: undefined,
          ...(account === undefined ? {} : { account }),
          ...(event === undefined ? {} : { event }),
        };
        const entries: AuditEntry[] = [];
        for (let cursor = ''; entries.length < limit;) {
          const page = { limit: Math.min(pageSize, limit - entries.length), cursor };
          const answer = await api.audit.list({ page, filter }, { signal });
          entries.push(...answer.entries);
          if (answer.nextCursor === '') break;
          cursor = answer.nextCursor;
        }
        const inOrder = entries.toReversed();
        if (follow !== true) return terminal.showTable(columns, inOrder, entryJson);
        const print = (entry: AuditEntry): void =>
          terminal.write(terminal.json ? `${JSON.stringify(entryJson(entry))}\n` : `${line(entry)}\n`);
        inOrder.forEach(print);
        const afterSeq = entries[0]?.seq;
        const request = { filter, ...(afterSeq === undefined ? {} : { afterSeq }) };
        for await (const { entry } of api.audit.follow(request, { signal })) if (entry) print(entry);
      }),
    );
}

const columns: readonly Column<AuditEntry>[] = [
  { title: 'seq', align: 'right', value: ({ seq }) => seq },
  { title: 'time', value: ({ at }) => timeText(at) },
  { title: 'actor', value: actorText },
  { title: 'event', value: ({ event }) => event },
  { title: 'target', value: ({ target }) => target },
  { title: 'service', value: ({ service }) => service },
  { title: 'address', value: ({ ip }) => ip },
  { title: 'reason', value: ({ reason }) => reason },
  { title: 'details', value: ({ detailsJson }) => (detailsJson === '{}' ? '' : detailsJson) },
];

/** Somebody without a name is told by kind, such as the operator of an offline command. */
function actorText({ actor, actorKind }: AuditEntry): string {
  return actor === '' ? actorKind : actor;
}

function line(entry: AuditEntry): string {
  return columns.map(({ value }) => escapeControl(String(value(entry) ?? '') || '-')).join('  ');
}

function entryJson({ detailsJson, ...entry }: AuditEntry): unknown {
  return { ...(shown(entry) as object), details: JSON.parse(detailsJson) as unknown };
}
