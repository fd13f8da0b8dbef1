import type { Command } from 'commander';

import { escapeControl, exitCode, formatPairs, formatTable } from '../../../../mcdsl/terminal/index.ts';
import type { Colours, Column } from '../../../../mcdsl/terminal/index.ts';
import type { ExplainResponse, ExplainStep } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { addCommand, collect } from '../command.ts';
import { messageJson, routeJson } from '../json.ts';
import type { Run } from '../session.ts';

type ExplainOptions = {
  readonly ip: string;
  readonly sni?: string;
  readonly ua?: string;
  readonly listener?: string;
  readonly alpn?: readonly string[];
};

/** `explain`. */
export function addExplainCommand(program: Command, run: Run): void {
  addCommand(program, 'explain', {
    summary: 'show what would happen to a connection, and why',
    description:
      'Asks the server to decide about a connection that does not exist, with the very code that decides about real ' +
      'ones: one line a step, then the outcome, the rule that decided and the reason code. Nothing is counted.',
    example: 'mcproxyctl explain --ip 203.0.113.9 --sni app.example.test --ua "zgrab/0.x"',
  })
    .requiredOption('--ip <address>', 'address of the client')
    .option('--sni <host>', 'server name that it asks for; left out: none')
    .option('--ua <text>', 'User-Agent of its request; left out: policies are not asked')
    .option('--listener <addr>', 'may be left out where one listener is configured')
    .option('--alpn <protocol>', 'protocol that it offers, such as h2; may be repeated', collect)
    .action((options: ExplainOptions) =>
      run(async ({ admin, terminal, signal }) => {
        const { ip, sni, ua: userAgent, listener = '', alpn = [] } = options;
        const answer = await admin.explain({ ip, sni, userAgent, listener, alpn: [...alpn] }, { signal });
        const route = answer.route ? routeJson(answer.route) : null;
        terminal.show({ ...messageJson({ ...answer, route: null }), route }, () => text(answer, terminal.colours));
        return exitCode.ok;
      }),
    );
}

const columns: readonly Column<ExplainStep>[] = [
  { title: 'step', value: ({ step }) => step },
  { title: 'result', value: ({ result }) => result },
  { title: 'rule', value: ({ rule }) => rule },
  { title: 'detail', value: ({ detail }) => detail },
];

function text({ steps, outcome, rule, reason, route }: ExplainResponse, colours: Colours): string {
  const paint = outcome === 'refuse' ? colours.red : colours.green;
  const target = route?.route && outcome !== 'refuse' ? ` to ${escapeControl(route.route.backends.join(', '))}` : '';
  const decided = formatPairs([['rule', rule], ...(reason === '' ? [] : [['reason', reason] as const])]);
  return `${formatTable(columns, steps)}\n${paint(escapeControl(outcome))}${target}\n${decided}`;
}
