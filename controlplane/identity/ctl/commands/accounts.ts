import type { Command } from 'commander';

import type { Column } from '../../../../mcdsl/terminal/index.ts';
import { formatPairs } from '../../../../mcdsl/terminal/index.ts';
import type { Account, ResetTicket } from '../../../../proto/gen/mcias/v1/account.ts';
import { shown } from '../json.ts';
import { addGroup, collect, timeText } from '../options.ts';
import { everyPage } from '../paging.ts';
import type { Run, Session } from '../session.ts';

type CreateOptions = {
  readonly system?: true;
  readonly role?: readonly string[];
  readonly displayName?: string;
  readonly email?: string;
  readonly group?: readonly string[];
};

/** `account list|get|create|rename|enable|disable|unlock|delete|reset`, `account role set`. */
export function addAccountCommands(program: Command, run: Run): void {
  const accounts = addGroup(program, 'account', 'manage accounts and their roles');

  accounts
    .command('list')
    .description('list the accounts')
    .action(() =>
      run(async ({ api, terminal, signal }) => {
        const all = await everyPage(async (page) => {
          const { accounts: items, nextCursor } = await api.accounts.list({ page }, { signal });
          return { items, nextCursor };
        });
        terminal.showTable(columns, all, shown);
      }),
    );

  accounts
    .command('get')
    .description('show one account')
    .argument('<name>')
    .action((account: string) => run(async (session) => show(session, await get(session, account))));

  accounts
    .command('create')
    .description('make an account; a person gets a reset ticket, printed once, to set a password with')
    .argument('<name>')
    .option('--system', 'for a service or an agent: no password, no role')
    .option('--role <role>', 'admin, user, or guest alone; may be repeated', collect)
    .option('--display-name <text>')
    .option('--email <address>')
    .option('--group <name>', 'for other applications; may be repeated', collect)
    .action((name: string, options: CreateOptions) =>
      run(async (session) => {
        const { system, role = [], displayName = '', email = '', group = [] } = options;
        const type = system === true ? 'system' : 'human';
        const request = { name, type, roles: [...role], displayName, email, groups: [...group] };
        const { account, reset } = await session.api.accounts.create(request, { signal: session.signal });
        const json = { account: shown(account), reset: shown(reset) };
        session.terminal.show(json, () => `${name} was created\n${reset === undefined ? '' : ticketText(reset)}`);
      }),
    );

  accounts
    .command('rename')
    .description('rename a person; services authorize system accounts by name, so those keep theirs')
    .argument('<name>')
    .argument('<new-name>')
    .action((old: string, name: string) =>
      run(async (session) => {
        const { id, revision } = await get(session, old);
        const request = { account: id, revision, name, groups: undefined };
        const { account } = await session.api.accounts.update(request, { signal: session.signal });
        show(session, account);
      }),
    );

  for (const what of ['enable', 'disable'] as const) {
    accounts
      .command(what)
      .description(what === 'enable' ? 'let an account log in again' : 'end all of an account, until it is enabled')
      .argument('<name>')
      .action((name: string) =>
        run(async (session) => {
          const { id, revision } = await get(session, name);
          const { account } = await session.api.accounts[what]({ account: id, revision }, { signal: session.signal });
          show(session, account);
        }),
      );
  }

  accounts
    .command('unlock')
    .description('forget the failed logins of an account')
    .argument('<name>')
    .action((account: string) =>
      run(async (session) => {
        await session.api.accounts.unlock({ account }, { signal: session.signal });
        session.terminal.show({ account, unlocked: true }, () => `${account} is unlocked`);
      }),
    );

  accounts
    .command('delete')
    .description('delete an account for ever; its name never goes to another one')
    .argument('<name>')
    .action((name: string) =>
      run(async (session) => {
        const { id, revision } = await get(session, name);
        await session.api.accounts.delete({ account: id, revision }, { signal: session.signal });
        session.terminal.show({ account: name, deleted: true }, () => `${name} is deleted`);
      }),
    );

  accounts
    .command('reset')
    .description('print a ticket, once, with which a person sets a new password')
    .argument('<name>')
    .action((account: string) =>
      run(async (session) => {
        const { reset } = await session.api.accounts.reset({ account }, { signal: session.signal });
        session.terminal.show(shown(reset), () => (reset === undefined ? '' : ticketText(reset)));
      }),
    );

  addGroup(accounts, 'role', 'the roles of a person')
    .command('set')
    .description('replace all roles; none are given to take all away')
    .argument('<name>')
    .argument('[roles...]')
    .action((name: string, roles: readonly string[]) =>
      run(async (session) => {
        const { id, revision } = await get(session, name);
        const request = { account: id, roles: [...roles], revision };
        const { account } = await session.api.accounts.setRoles(request, { signal: session.signal });
        show(session, account);
      }),
    );
}

async function get({ api, signal }: Session, account: string): Promise<Account> {
  const answer = await api.accounts.get({ account }, { signal });
  if (answer.account !== undefined) return answer.account;
  throw new TypeError('the answer has no account');
}

function show({ terminal }: Session, account: Account | undefined): void {
  terminal.show(shown(account), () =>
    formatPairs([
      ['account', account?.name],
      ['id', account?.id],
      ['type', account?.type],
      ['status', account?.status],
      ['roles', account?.roles.join(', ')],
      ['display name', account?.displayName],
      [
        'email',
        account?.email === '' ? '' : `${account?.email}${account?.emailVerified === true ? '' : ' (unverified)'}`,
      ],
      ['groups', account?.groups.join(', ')],
      ['created', timeText(account?.createdAt)],
      ['last login', timeText(account?.lastLoginAt)],
    ]),
  );
}

function ticketText({ ticket, expiresAt }: ResetTicket): string {
  return `reset ticket, shown this once: ${ticket}\nit is typed into /recover and expires at ${timeText(expiresAt)}\n`;
}

const columns: readonly Column<Account>[] = [
  { title: 'account', value: ({ name }) => name },
  { title: 'type', value: ({ type }) => type },
  { title: 'status', value: ({ status }) => status },
  { title: 'roles', value: ({ roles }) => roles.join(', ') },
  { title: 'last login', value: ({ lastLoginAt }) => timeText(lastLoginAt) },
];
