import type { Command } from 'commander';

import { exitCode, formatPairs } from '../../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../../mcdsl/terminal/index.ts';
import type { SigningKey } from '../../../../proto/gen/mcias/v1/key.ts';
import type { SsoClient } from '../../../../proto/gen/mcias/v1/sso.ts';
import { shown } from '../json.ts';
import { addGroup, timeText } from '../options.ts';
import type { Run } from '../session.ts';

/** `key list|rotate|revoke`, `client list`, `status`. */
export function addServerCommands(program: Command, run: Run): void {
  const keys = addGroup(program, 'key', 'the keys that sign tokens');

  keys
    .command('list')
    .description('list the signing keys')
    .action(() =>
      run(async ({ api, terminal, signal }) => {
        const { keys: all } = await api.keys.list({}, { signal });
        terminal.showTable(keyColumns, all, shown);
      }),
    );

  keys
    .command('rotate')
    .description('make new keys, which sign once they were published for a while; no valid token is refused')
    .action(() =>
      run(async ({ api, terminal, signal }) => {
        const { keys: all } = await api.keys.rotate({}, { signal });
        terminal.showTable(keyColumns, all, shown);
      }),
    );

  keys
    .command('revoke')
    .description('revoke a key: every token that it signed is invalid at once')
    .argument('<kid>')
    .action((kid: string) =>
      run(async ({ api, terminal, signal }) => {
        const { key } = await api.keys.revoke({ kid }, { signal });
        terminal.show(shown(key), () => `${kid} is revoked, and every token that it signed`);
      }),
    );

  addGroup(program, 'client', 'applications that sign on here')
    .command('list')
    .description('list the single sign-on and OpenID Connect clients of the configuration')
    .action(() =>
      run(async ({ api, terminal, signal }) => {
        const { clients } = await api.sso.listClients({}, { signal });
        terminal.showTable(clientColumns, clients, shown);
      }),
    );

  program
    .command('status')
    .description('ask mcias whether it serves; needs no login')
    .action(() =>
      run(
        async ({ api, target, terminal, signal }) => {
          const { status, version } = await api.health(signal);
          terminal.show({ server: target.server, status, version }, () =>
            formatPairs([
              ['server', target.server],
              ['status', status],
              ['version', version],
            ]),
          );
          return status === 'ok' ? exitCode.ok : exitCode.failed;
        },
        { anonymous: true },
      ),
    );
}

const keyColumns: readonly Column<SigningKey>[] = [
  { title: 'key', value: ({ kid }) => kid },
  { title: 'alg', value: ({ alg }) => alg },
  { title: 'state', value: ({ state }) => state },
  { title: 'created', value: ({ createdAt }) => timeText(createdAt) },
  { title: 'not after', value: ({ notAfter }) => timeText(notAfter) },
];

const clientColumns: readonly Column<SsoClient>[] = [
  { title: 'client', value: ({ clientId }) => clientId },
  { title: 'kind', value: ({ kind }) => kind },
  { title: 'service', value: ({ serviceName }) => serviceName },
  { title: 'tags', value: ({ tags }) => tags.join(', ') },
  { title: 'redirect', value: ({ redirectUris }) => redirectUris.join(', ') },
];
