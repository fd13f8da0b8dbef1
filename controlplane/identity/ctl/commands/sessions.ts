import type { Command } from 'commander';

import type { Column } from '../../../../mcdsl/terminal/index.ts';
import type { Factor } from '../../../../proto/gen/mcias/v1/credential.ts';
import type { Session as LoginSession } from '../../../../proto/gen/mcias/v1/session.ts';
import { shown } from '../json.ts';
import { addGroup, timeText } from '../options.ts';
import { everyPage } from '../paging.ts';
import type { Run } from '../session.ts';

/** `session list|revoke`, `factor list|remove`. */
export function addSessionCommands(program: Command, run: Run): void {
  const sessions = addGroup(program, 'session', 'sessions of people');

  sessions
    .command('list')
    .description('list your sessions; admins see those of everybody')
    .option('--account <name>', 'only of this account')
    .action(({ account }: { readonly account?: string }) =>
      run(async ({ api, terminal, signal }) => {
        const filter = account === undefined ? {} : { account };
        const all = await everyPage(async (page) => {
          const { sessions: items, nextCursor } = await api.sessions.list({ page, ...filter }, { signal });
          return { items, nextCursor };
        });
        terminal.showTable(sessionColumns, all, shown);
      }),
    );

  sessions
    .command('revoke')
    .description('end a session with all that hangs on it')
    .argument('<session>', 'as session list shows it')
    .action((sessionId: string) =>
      run(async ({ api, terminal, signal }) => {
        await api.sessions.revoke({ sessionId }, { signal });
        terminal.show({ session_id: sessionId, ended: true }, () => 'the session has ended');
      }),
    );

  const factors = addGroup(program, 'factor', 'what people log in with');

  factors
    .command('list')
    .description('list password, TOTP, passkeys and recovery codes of an account; secrets are never shown')
    .argument('<account>')
    .action((account: string) =>
      run(async ({ api, terminal, signal }) => {
        const { factors: all } = await api.credentials.listFactors({ account }, { signal });
        terminal.showTable(factorColumns, all, shown);
      }),
    );

  factors
    .command('remove')
    .description('remove one of them')
    .argument('<account>')
    .argument('<factor>', 'its id, as factor list shows it')
    .action((account: string, factor: string) =>
      run(async ({ api, terminal, signal }) => {
        await api.credentials.removeFactor({ account, factor }, { signal });
        terminal.show({ account, factor, removed: true }, () => `${factor} of ${account} is removed`);
      }),
    );
}

const sessionColumns: readonly Column<LoginSession>[] = [
  { title: 'account', value: ({ account }) => account },
  { title: 'created', value: ({ createdAt }) => timeText(createdAt) },
  { title: 'last seen', value: ({ lastSeenAt }) => timeText(lastSeenAt) },
  { title: 'address', value: ({ ip }) => ip },
  { title: 'by', value: ({ amr }) => amr.join(', ') },
  { title: 'services', value: ({ services }) => services.join(', ') },
  { title: 'session', value: ({ sessionId }) => sessionId },
];

const factorColumns: readonly Column<Factor>[] = [
  { title: 'factor', value: ({ id }) => id },
  { title: 'kind', value: ({ kind }) => kind },
  { title: 'name', value: ({ name }) => name },
  { title: 'left', align: 'right', value: ({ left }) => left },
  { title: 'created', value: ({ createdAt }) => timeText(createdAt) },
  { title: 'last used', value: ({ lastUsedAt }) => timeText(lastUsedAt) },
  { title: 'suspended', value: ({ suspendedAt }) => timeText(suspendedAt) },
];
