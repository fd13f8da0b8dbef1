import { createCtl } from '../../../mcdsl/command/ctl.ts';
import type { Streams } from '../../../mcdsl/command/program.ts';
import type { ExitCode } from '../../../mcdsl/terminal/index.ts';
import { ProxyAdminService } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { addCertificateCommands } from './commands/certificates.ts';
import { addChangeSetCommands } from './commands/change-sets.ts';
import { addConnectionCommands } from './commands/connections.ts';
import { addEventCommands } from './commands/events.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addFirewallCommands } from './commands/firewall.ts';
import { addPolicyCommands } from './commands/policies.ts';
import { addRouteCommands } from './commands/routes.ts';
import { addServerCommands } from './commands/server.ts';
import type { Run } from './session.ts';

/** Runs one command line of mcproxyctl (without the program's name) and says what to exit with. */
export function runCli(argv: readonly string[], streams: Streams, version: string): Promise<ExitCode> {
  const options = {
    name: 'mcproxyctl',
    description:
      'Shows and changes a running mc-proxy through its admin socket. A change is on disk and in effect when its ' +
      'command has ended, and stays after a restart.',
    version,
    defaultSocket: '/srv/mc-proxy/mc-proxy.sock',
    socketVariable: 'MC_PROXY_ADMIN_SOCKET',
  };
  const ctl = createCtl(options, streams, argv);
  const { command, terminal, signal } = ctl;
  const run: Run = (work) =>
    ctl.connected((connection) => work({ admin: connection.client(ProxyAdminService), terminal, signal }))();

  addServerCommands(command, run);
  addRouteCommands(command, run);
  addFirewallCommands(command, run);
  addPolicyCommands(command, run);
  addExplainCommand(command, run);
  addEventCommands(command, run);
  addConnectionCommands(command, run);
  addCertificateCommands(command, run);
  addChangeSetCommands(command, run);
  command.addHelpText('after', '\nExample:\n  $ mcproxyctl explain --ip 203.0.113.9 --sni app.example.test');
  return ctl.run(argv);
}
