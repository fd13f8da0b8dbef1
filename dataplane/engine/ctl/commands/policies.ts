import type { Command } from 'commander';

import { exitCode } from '../../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../../mcdsl/terminal/index.ts';
import { Origin } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { Policy } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { origins, policyKinds, wordOf } from '../../admin/words.ts';
import { addCommand, addGroup, exactlyOne } from '../command.ts';
import type { HelpPage } from '../command.ts';
import { messageJson, policyJson } from '../json.ts';
import { addedText, removedText, showLine } from '../render.ts';
import type { Run } from '../session.ts';

type ListOptions = { readonly listener?: string; readonly hostname?: string };
type PolicyOptions = {
  readonly listener?: string;
  readonly hostname: string;
  readonly blockUserAgent?: string;
  readonly requireHeader?: string;
};

/** `policies list|add|remove`. */
export function addPolicyCommands(program: Command, run: Run): void {
  const policies = addGroup(program, 'policies', 'list, add and remove what requests to l7 routes must satisfy');

  addCommand(policies, 'list', {
    summary: 'list the policies',
    description: 'Lists the policies of all l7 routes, of one listener, or of one host.',
    example: 'mcproxyctl policies list --hostname app.example.test',
  })
    .option('--listener <addr>', 'only of this listener')
    .option('--hostname <host>', 'only of this route')
    .action(({ listener = '', hostname = '' }: ListOptions) =>
      run(async ({ admin, terminal, signal }) => {
        const { policies: listed } = await admin.listPolicies({ listener, hostname }, { signal });
        terminal.showTable(columns, listed, policyJson);
        return exitCode.ok;
      }),
    );

  addPolicyCommand(policies, 'add', {
    summary: 'refuse some requests to a route with 403',
    description:
      'Adds a policy to an l7 route: requests with a User-Agent that holds a text, or without a header field, are ' +
      'answered with 403. It holds for requests that begin from now on.',
    example: 'mcproxyctl policies add --hostname app.example.test --block-user-agent zgrab',
  }).action((options: PolicyOptions) => {
    const policy = policyOf(options);
    return run(async ({ admin, terminal, signal }) => {
      const { policy: added, changed, generation } = await admin.addPolicy({ policy }, { signal });
      const json = { policy: added ? policyJson(added) : null, changed, generation };
      showLine(terminal, json, addedText(policyText(added ?? policy), { changed, generation }));
      return exitCode.ok;
    });
  });

  addPolicyCommand(policies, 'remove', {
    summary: 'take a policy back',
    description:
      'Removes a policy that was added. One that came with its route is changed by `routes add`, or in the file.',
    example: 'mcproxyctl policies remove --hostname app.example.test --block-user-agent zgrab',
  }).action((options: PolicyOptions) => {
    const policy = policyOf(options);
    return run(async ({ admin, terminal, signal }) => {
      const answer = await admin.removePolicy({ policy }, { signal });
      showLine(terminal, messageJson(answer), removedText(policyText(policy), answer));
      return exitCode.ok;
    });
  });
}

const columns: readonly Column<Policy>[] = [
  { title: 'listener', value: (policy) => policy.listener },
  { title: 'hostname', value: (policy) => policy.hostname },
  { title: 'policy', value: (policy) => wordOf(policyKinds, policy.kind) },
  { title: 'value', value: (policy) => policy.value },
  { title: 'origin', value: (policy) => wordOf(origins, policy.origin) },
];

function addPolicyCommand(policies: Command, name: string, help: HelpPage): Command {
  return addCommand(policies, name, help)
    .option('--listener <addr>', 'may be left out where one listener is configured')
    .requiredOption('--hostname <host>', 'host name of the route')
    .option('--block-user-agent <text>', 'part of a User-Agent, in any case')
    .option('--require-header <name>', 'name of a header field');
}

function policyOf(options: PolicyOptions): Policy {
  const [kind, value] = exactlyOne({
    block_user_agent: { flag: '--block-user-agent', value: options.blockUserAgent },
    require_header: { flag: '--require-header', value: options.requireHeader },
  });
  const { listener = '', hostname } = options;
  return { listener, hostname, kind: policyKinds[kind], value, origin: Origin.UNSPECIFIED };
}

function policyText({ hostname, kind, value }: Policy): string {
  return `${wordOf(policyKinds, kind)} ${JSON.stringify(value)} of ${hostname}`;
}
