import { Option, type Command } from 'commander';

import { refuseUsage } from '../../../../mcdsl/command/errors.ts';
import { exitCode, formatPairs } from '../../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../../mcdsl/terminal/index.ts';
import type { RevokeRequest, TokenInfo } from '../../../../proto/gen/mcias/v1/token.ts';
import { shown } from '../json.ts';
import { addGroup, collect, timeText } from '../options.ts';
import { everyPage } from '../paging.ts';
import { openPrivateFile, readToken, writePrivateFile } from '../private-file.ts';
import type { Run } from '../session.ts';

type IssueOptions = {
  readonly out?: string;
  readonly stdout?: true;
  readonly ttl?: string;
  readonly audience?: readonly string[];
  readonly label: string;
};
type ListOptions = { readonly account?: string; readonly expiring?: string; readonly detailedExitcode?: true };
type RevokeOptions = {
  readonly token?: string;
  readonly id?: string;
  readonly account?: string;
  readonly session?: string;
};
type ValidateOptions = {
  readonly service: string;
  readonly tag?: readonly string[];
  readonly token: string;
  readonly detailedExitcode?: true;
};

/** `token issue|list|revoke|renew|validate`. */
export function addTokenCommands(program: Command, run: Run): void {
  const tokens = addGroup(program, 'token', 'issue, list, revoke, renew and validate tokens');

  tokens
    .command('issue')
    .description('issue a token of a system account; it is shown this once')
    .argument('<account>', 'a system account')
    .option('--out <file>', 'write it there, mode 0600, by rename')
    .option('--stdout', 'print it')
    .option('--ttl <duration>', 'such as 720h; default: tokens.system_ttl of the server')
    .option('--audience <service>', 'a service that it is for; may be repeated; default: every service', collect)
    .option('--label <text>', 'what it is for, for lists', '')
    .action((account: string, { out, stdout, ttl, audience = [], label }: IssueOptions) =>
      run(async ({ api, terminal, signal }) => {
        if ((out === undefined) === (stdout === undefined)) refuseUsage('give one of --out FILE and --stdout');
        // Opened first: a token that is issued and cannot be kept is lost.
        using file = out === undefined ? null : openPrivateFile(out);
        const request = { account, audience: [...audience], label, ...(ttl === undefined ? {} : { ttl }) };
        const issued = await api.tokens.issue(request, { signal });
        const { token, tokenId, expiresAt } = issued;
        const json = {
          token_id: tokenId,
          expires_at: shown(expiresAt),
          ...(out === undefined ? { token } : { file: out }),
        };
        file?.replace(`${token}\n`);
        terminal.show(json, () =>
          out === undefined ? token : `${out} has token ${tokenId}, until ${timeText(expiresAt)}`,
        );
      }),
    );

  tokens
    .command('list')
    .description('list live tokens, the first to end first')
    .option('--account <name>', 'only of this account')
    .option('--expiring <duration>', 'only those that end within, such as 720h')
    .option('--detailed-exitcode', 'exit with 2 when there are any')
    .action(({ account, expiring, detailedExitcode }: ListOptions) =>
      run(async ({ api, terminal, signal }) => {
        const filter = {
          ...(account === undefined ? {} : { account }),
          ...(expiring === undefined ? {} : { expiringWithin: expiring }),
        };
        const all = await everyPage(async (page) => {
          const { tokens: items, nextCursor } = await api.tokens.list({ page, ...filter }, { signal });
          return { items, nextCursor };
        });
        terminal.showTable(columns, all, shown);
        return detailedExitcode === true && all.length > 0 ? exitCode.drift : exitCode.ok;
      }),
    );

  tokens
    .command('revoke')
    .description('revoke a token with all that it was renewed from and to, or every token of an account or session')
    .option('--token <file>', 'the token in this file, - for standard input')
    .option('--id <token-id>', 'as token list shows it')
    .option('--account <name>', 'all of this account, with its sessions')
    .option('--session <id>', 'all of this session, which ends')
    .action((options: RevokeOptions) =>
      run(async ({ api, terminal, signal }) => {
        const { revoked } = await api.tokens.revoke({ target: targetOf(options) }, { signal });
        terminal.show({ revoked }, () => `${revoked} ${revoked === 1 ? 'token' : 'tokens'} revoked`);
      }),
    );

  tokens
    .command('renew')
    .description('renew the token in use: that of --token-file in its file, else that of your login')
    .action(() =>
      run(async ({ api, terminal, signal, keep }) => {
        const grant = await api.tokens.renew({}, { signal });
        const { tokenFile } = program.opts<{ readonly tokenFile?: string }>();
        if (tokenFile === undefined) keep(grant, grant.account?.name ?? '');
        else if (tokenFile === '-') terminal.write(`${grant.token}\n`);
        else writePrivateFile(tokenFile, `${grant.token}\n`);
        if (tokenFile === '-') return;
        terminal.show({ expires_at: shown(grant.expiresAt) }, () => `renewed until ${timeText(grant.expiresAt)}`);
      }),
    );

  tokens
    .command('validate')
    .description('ask mcias what a service would be told of a token')
    .requiredOption('--service <name>', 'the service that asks')
    .option('--tag <tag>', 'a tag of its context; may be repeated', collect)
    .addOption(new Option('--token <file>', 'the token in this file, - for standard input').makeOptionMandatory())
    .option('--detailed-exitcode', 'exit with 2 when it is not valid')
    .action(({ service, tag = [], token, detailedExitcode }: ValidateOptions) =>
      run(
        async ({ api, terminal, signal }) => {
          const request = { token: readToken(token), serviceName: service, tags: [...tag] };
          const answer = await api.tokens.validate(request, { signal });
          const { valid, reason, username, accountType, roles, audience, expiresAt, tokenId } = answer;
          const json = valid ? shown(answer) : { valid, reason };
          terminal.show(json, () =>
            valid
              ? formatPairs([
                  ['valid', 'yes'],
                  ['account', username],
                  ['type', accountType],
                  ['roles', roles.join(', ')],
                  ['audience', audience.join(', ')],
                  ['expires', timeText(expiresAt)],
                  ['token', tokenId],
                  ['policy', reason],
                ])
              : formatPairs([
                  ['valid', 'no'],
                  ['reason', reason],
                ]),
          );
          return detailedExitcode === true && !valid ? exitCode.drift : exitCode.ok;
        },
        { anonymous: true },
      ),
    );
}

function targetOf({ token, id, account, session }: RevokeOptions): NonNullable<RevokeRequest['target']> {
  const given = [token, id, account, session].filter((value) => value !== undefined);
  if (given.length !== 1) return refuseUsage('give one of --token, --id, --account and --session');
  if (token !== undefined) return { $case: 'token', value: readToken(token) };
  if (id !== undefined) return { $case: 'tokenId', value: id };
  if (account !== undefined) return { $case: 'accountId', value: account };
  return { $case: 'sessionId', value: session ?? '' };
}

const columns: readonly Column<TokenInfo>[] = [
  { title: 'account', value: ({ account }) => account },
  { title: 'label', value: ({ label }) => label },
  { title: 'audience', value: ({ audience }) => audience.join(', ') },
  { title: 'issued', value: ({ issuedAt }) => timeText(issuedAt) },
  { title: 'expires', value: ({ expiresAt }) => timeText(expiresAt) },
  { title: 'last used', value: ({ lastUsedAt }) => timeText(lastUsedAt) },
  { title: 'token', value: ({ tokenId }) => tokenId },
];
