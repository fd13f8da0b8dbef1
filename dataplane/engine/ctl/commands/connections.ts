import type { Command } from 'commander';

import { exitCode, formatDuration, formatSize } from '../../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../../mcdsl/terminal/index.ts';
import type { Connection } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { routeModes, wordOf } from '../../admin/words.ts';
import { addCommand, addGroup, countOption } from '../command.ts';
import { connectionJson } from '../json.ts';
import { showLine } from '../render.ts';
import type { Run } from '../session.ts';

type ListOptions = {
  readonly listener?: string;
  readonly hostname?: string;
  readonly ip?: string;
  readonly limit?: number;
};

/** `connections list|kill`. */
export function addConnectionCommands(program: Command, run: Run): void {
  const connections = addGroup(program, 'connections', 'list open connections and cut one off');

  addCommand(connections, 'list', {
    summary: 'list open connections, oldest first',
    description:
      'Lists the client connections that have found their route, oldest first, with the id of their log lines. Bytes of ' +
      "l4 are what was relayed; those of l7 what crossed the client's socket, TLS included.",
    example: 'mcproxyctl connections list --ip 203.0.113.9',
  })
    .option('--listener <addr>', 'only of this listener')
    .option('--hostname <host>', 'only of this route or with this SNI')
    .option('--ip <address>', 'only of this client')
    .option('--limit <n>', 'at most so many, up to 10000', countOption, 1000)
    .action(({ listener = '', hostname = '', ip = '', limit = 0 }: ListOptions) =>
      run(async ({ admin, terminal, signal }) => {
        const answer = await admin.listConnections({ listener, hostname, ip, limit }, { signal });
        const { connections: listed, total } = answer;
        terminal.showTable(columns, listed, connectionJson);
        if (total > listed.length) terminal.warn(`${total - listed.length} more are open; --limit shows more`);
        return exitCode.ok;
      }),
    );

  addCommand(connections, 'kill', {
    summary: 'cut a connection off by RST',
    description: 'Cuts one connection off: client and backend get a TCP reset. Its id is in the list and in the log.',
    example: 'mcproxyctl connections kill Zk3qPw1a-7f',
  })
    .argument('<id>', 'id of the connection')
    .action((id: string) =>
      run(async ({ admin, terminal, signal }) => {
        const { connection } = await admin.killConnection({ id }, { signal });
        const json = connection ? connectionJson(connection) : null;
        const who = connection ? ` of ${clientText(connection)} to ${connection.route}` : '';
        showLine(terminal, json, `connection ${id}${who} was cut off`);
        return exitCode.ok;
      }),
    );
}

const columns: readonly Column<Connection>[] = [
  { title: 'id', value: ({ id }) => id },
  { title: 'listener', value: ({ listener }) => listener },
  { title: 'client', value: clientText },
  { title: 'sni', value: ({ sni }) => sni },
  { title: 'route', value: ({ route }) => route },
  { title: 'mode', value: ({ mode }) => wordOf(routeModes, mode) },
  { title: 'backend', value: ({ backend }) => backend },
  { title: 'age', align: 'right', value: ageText },
  { title: 'up', align: 'right', value: ({ bytesUp }) => formatSize(bytesUp) },
  { title: 'down', align: 'right', value: ({ bytesDown }) => formatSize(bytesDown) },
];

function clientText({ client, clientPort }: Connection): string {
  return client.includes(':') ? `[${client}]:${clientPort}` : `${client}:${clientPort}`;
}

function ageText({ startedAt }: Connection): string | null {
  return startedAt ? formatDuration(Math.max(0, Date.now() - startedAt.getTime())) : null;
}
