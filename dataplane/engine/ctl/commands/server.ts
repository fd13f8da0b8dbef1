import type { Command } from 'commander';

import { escapeControl, exitCode, formatDuration, formatTable } from '../../../../mcdsl/terminal/index.ts';
import type { Colours } from '../../../../mcdsl/terminal/index.ts';
import type { Stat, Status } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { addCommand } from '../command.ts';
import { messageJson } from '../json.ts';
import { count, geoipText, listenerColumns, page } from '../render.ts';
import type { Pair } from '../render.ts';
import type { Run } from '../session.ts';

/** `status`, `listeners`, `stats` and `drain`. */
export function addServerCommands(program: Command, run: Run): void {
  addCommand(program, 'status', {
    summary: 'show whether the proxy serves, with what, and what needs attention',
    description:
      'Shows the state of the server, its engine, workers and listeners, and a warning for each thing that is not as ' +
      'configured: a route of the API that stands in for one of the file, files not in use, a database set aside.',
    example: 'mcproxyctl status',
  }).action(() =>
    run(async ({ admin, terminal, signal }) => {
      const status = await admin.getStatus({}, { signal });
      terminal.show(messageJson(status), () => statusText(status, terminal.colours));
      return exitCode.ok;
    }),
  );

  addCommand(program, 'listeners', {
    summary: 'list the listeners with the addresses they are bound to',
    description: 'Lists the listeners: as configured, as bound, and how many routes and connections each has.',
    example: 'mcproxyctl listeners --json',
  }).action(() =>
    run(async ({ admin, terminal, signal }) => {
      const { listeners } = await admin.listListeners({}, { signal });
      terminal.showTable(listenerColumns, listeners, messageJson);
      return exitCode.ok;
    }),
  );

  addCommand(program, 'stats', {
    summary: 'show every figure the server counts',
    description: 'Shows the metrics of the server with their labels, as its Prometheus endpoint has them.',
    example: 'mcproxyctl stats | grep refused',
  }).action(() =>
    run(async ({ admin, terminal, signal }) => {
      const { stats } = await admin.getStats({}, { signal });
      terminal.show(stats, () => stats.map((stat) => `${statText(stat)}\n`).join(''));
      return exitCode.ok;
    }),
  );

  addCommand(program, 'drain', {
    summary: 'take the server out of service without cutting anybody off',
    description:
      'Stops accepting connections and asks clients to finish. Those still open after shutdown_timeout are cut off and ' +
      'the server ends. There is no way back but a new start.',
    example: 'mcproxyctl drain',
  }).action(() =>
    run(async ({ admin, terminal, signal }) => {
      const answer = await admin.drain({}, { signal });
      const left = count(answer.activeConnections, 'connection');
      terminal.show(messageJson(answer), () => `draining, ${left} open`);
      return exitCode.ok;
    }),
  );
}

function statusText(status: Status, colours: Colours): string {
  const { startedAt } = status;
  const started = startedAt
    ? `${startedAt.toISOString()}, ${formatDuration(Date.now() - startedAt.getTime())} ago`
    : null;
  return page(
    [
      ['state', status.state],
      ['version', status.version],
      ['engine', engineText(status)],
      ['started', started],
      ['generation', status.generation],
      ...unconfirmedPairs(status),
      ['connections', status.activeConnections],
      ['configuration', status.configFile],
      ['database', status.database],
      ['geoip', geoipText(status.geoip)],
    ],
    formatTable(listenerColumns, status.listeners),
    status.warnings.map((warning) => `${colours.yellow('warning:')} ${escapeControl(warning)}\n`).join(''),
  );
}

function engineText({ engine, engineNote, workers }: Status): string {
  const why = engineNote === '' ? '' : ` (${escapeControl(engineNote)})`;
  return `${engine}${why}, ${count(workers, 'worker')}`;
}

function unconfirmedPairs({ unconfirmed }: Status): readonly Pair[] {
  if (!unconfirmed) return [];
  const { generation, revertAt } = unconfirmed;
  return [
    [
      'unconfirmed',
      `generation ${generation} is taken back at ${revertAt?.toISOString()} unless you run: mcproxyctl confirm`,
    ],
  ];
}

/** As the text format of Prometheus writes a sample. */
function statText({ name, labels, value }: Stat): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`);
  return escapeControl(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`);
}
