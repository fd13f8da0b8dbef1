import type { Command } from 'commander';

import { escapeControl, exitCode } from '../../../../mcdsl/terminal/index.ts';
import type { Event } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { addCommand, countOption } from '../command.ts';
import { jsonLine, messageJson } from '../json.ts';
import type { Run } from '../session.ts';

type EventsOptions = {
  readonly follow?: boolean;
  readonly reason?: string;
  readonly ip?: string;
  readonly last?: number;
};

/** As many as `tail -f` shows. */
const keptBeforeFollowing = 10;

/** `events`. */
export function addEventCommands(program: Command, run: Run): void {
  addCommand(program, 'events', {
    summary: 'show refusals, changes and incidents, one a line',
    description:
      'Shows the events that the server keeps, oldest first, and with --follow those to come until Ctrl-C. With --json ' +
      'each line is an object of its own.',
    example: 'mcproxyctl events --follow --reason blocked_cidr',
  })
    .option('--follow', 'stay and show what comes')
    .option('--reason <code>', 'only with this reason code')
    .option('--ip <address>', 'only of this client')
    .option(
      '--last <n>',
      `of those kept, only the newest n; 0: all (default: all, with --follow ${keptBeforeFollowing})`,
      countOption,
    )
    .action(({ follow = false, reason = '', ip = '', last = follow ? keptBeforeFollowing : 0 }: EventsOptions) =>
      run(async ({ admin, terminal, signal }) => {
        for await (const event of admin.events({ follow, reason, ip, last }, { signal })) {
          terminal.write(terminal.json ? jsonLine(messageJson(event)) : eventText(event));
        }
        return exitCode.ok;
      }),
    );
}

/** Time, kind and reason, then what is known, as `name=value`, and last the sentence. */
function eventText(event: Event): string {
  const { time, kind, reason, detail } = event;
  const known = [
    ['listener', event.listener],
    ['client', event.client],
    ['peer', event.peer === event.client ? '' : event.peer],
    ['sni', event.sni],
    ['route', event.route],
    ['rule', event.rule],
    ['connection_id', event.connectionId],
    ['dropped_before', event.droppedBefore === 0 ? '' : String(event.droppedBefore)],
  ] as const;
  const fields = known.filter(([, value]) => value !== '').map(([name, value]) => `${name}=${quoted(value)}`);
  const words = [time?.toISOString() ?? '-', kind, reason, ...fields, detail].filter((word) => word !== '');
  return `${words.map(escapeControl).join(' ')}\n`;
}

function quoted(value: string): string {
  return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
}
