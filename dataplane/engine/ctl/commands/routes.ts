import { resolve } from 'node:path';

import { Option } from 'commander';
import type { Command } from 'commander';

import { exitCode } from '../../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../../mcdsl/terminal/index.ts';
import { Origin } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { ListedRoute, Route } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { origins, routeModes, wordOf } from '../../admin/words.ts';
import { addCommand, addGroup, collect, countOption, durationOption } from '../command.ts';
import { messageJson, routeJson } from '../json.ts';
import { addedText, removedText, showLine } from '../render.ts';
import type { Run } from '../session.ts';

type AddOptions = {
  readonly listener?: string;
  readonly hostname: string;
  readonly backends: readonly string[];
  readonly mode: keyof typeof routeModes;
  readonly sendProxyProtocol?: true;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly backendTls?: true;
  readonly backendVerify?: string;
  readonly backendCa?: string;
  readonly backendServerName?: string;
  readonly backendProtocol?: string;
  readonly clientCa?: string;
  readonly forwardedHeaders?: string;
  readonly healthCheck?: string;
  readonly healthInterval?: number;
  readonly healthTimeout?: number;
  readonly healthPath?: string;
  readonly healthHost?: string;
  readonly healthFall?: number;
  readonly healthRise?: number;
  readonly blockUserAgents?: readonly string[];
  readonly requireHeaders?: readonly string[];
};

type RemoveOptions = { readonly listener?: string; readonly hostname: string; readonly kill?: true };

/** `routes list|add|remove`. */
export function addRouteCommands(program: Command, run: Run): void {
  const routes = addGroup(program, 'routes', 'list, add and remove routes');

  addCommand(routes, 'list', {
    summary: 'list the routes',
    description:
      'Lists the routes of one listener or of all. Origin "api over config" marks a route of the API that stands in for ' +
      'one that the configuration file has for the same host.',
    example: 'mcproxyctl routes list --listener :443',
  })
    .option('--listener <addr>', 'only of this listener')
    .action((options: { readonly listener?: string }) =>
      run(async ({ admin, terminal, signal }) => {
        const { routes: listed } = await admin.listRoutes({ listener: options.listener ?? '' }, { signal });
        terminal.showTable(columns, listed, routeJson);
        return exitCode.ok;
      }),
    );

  const add = addCommand(routes, 'add', {
    summary: 'add a route, or replace the one of that host',
    description:
      'Adds a route, or replaces the route that the listener has for the host name. Options are the keys of ' +
      '[[listeners.routes]]. Paths of certificates and keys are read by the server.',
    example:
      'mcproxyctl routes add --hostname app.example.test --backend 10.0.0.7:8443 --backend 10.0.0.8:8443 --mode l4',
  });
  addRouteOptions(add).action((options: AddOptions) =>
    run(async ({ admin, terminal, signal }) => {
      const request = { listener: options.listener ?? '', route: routeOf(options) };
      const { route, changed, generation, warnings } = await admin.addRoute(request, { signal });
      const json = { route: route ? routeJson(route) : null, changed, generation, warnings };
      const what = `route ${route?.route?.hostname ?? options.hostname} on ${route?.listener ?? ''}`;
      showLine(terminal, json, addedText(what, { changed, generation }));
      if (!terminal.json) for (const warning of warnings) terminal.warn(warning);
      return exitCode.ok;
    }),
  );

  addCommand(routes, 'remove', {
    summary: 'remove a route that was added',
    description:
      'Removes a route of the API. Where the configuration file has a route for the same host, that one takes over. ' +
      'Open connections finish by themselves.',
    example: 'mcproxyctl routes remove --hostname app.example.test',
  })
    .option('--listener <addr>', 'may be left out where one listener is configured')
    .requiredOption('--hostname <host>', 'host name of the route')
    .option('--kill', 'also cut the open connections of the route off')
    .action((options: RemoveOptions) =>
      run(async ({ admin, terminal, signal }) => {
        const { listener = '', hostname, kill = false } = options;
        const answer = await admin.removeRoute({ listener, hostname, kill }, { signal });
        showLine(terminal, messageJson(answer), removedText(`route ${hostname}`, answer));
        return exitCode.ok;
      }),
    );
}

const columns: readonly Column<ListedRoute>[] = [
  { title: 'listener', value: ({ listener }) => listener },
  { title: 'hostname', value: ({ route }) => route?.hostname },
  { title: 'mode', value: ({ route }) => (route ? wordOf(routeModes, route.mode) : null) },
  { title: 'backends', value: ({ route }) => route?.backends.join(', ') },
  { title: 'origin', value: ({ route }) => (route ? originText(route) : null) },
  { title: 'options', value: ({ route }) => (route ? optionsText(route) : null) },
];

function originText(route: Route): string | null {
  return route.shadowsConfig ? 'api over config' : wordOf(origins, route.origin);
}

/** What differs from a route's defaults, but for its certificate, which each l7 route has. */
function optionsText(route: Route): string {
  const words = [
    route.sendProxyProtocol && 'send_proxy_protocol',
    route.backendTls && 'backend_tls',
    route.backendVerify === 'ca' && 'backend_verify=ca',
    route.backendProtocol !== '' && route.backendProtocol !== 'auto' && `backend_protocol=${route.backendProtocol}`,
    route.clientCa !== '' && 'client_ca',
    route.forwardedHeaders === 'append' && 'forwarded_headers=append',
    route.healthCheck !== '' && route.healthCheck !== 'off' && `health_check=${route.healthCheck}`,
    route.blockUserAgents.length > 0 && `block_user_agents=${route.blockUserAgents.length}`,
    route.requireHeaders.length > 0 && `require_headers=${route.requireHeaders.length}`,
  ];
  return words.filter((word) => word !== false).join(' ');
}

/** The plural names are the keys as the file spells them; nothing but their spelling differs. */
function addRouteOptions(command: Command): Command {
  const oneOf = (flags: string, description: string, words: readonly string[]): Option =>
    new Option(flags, description).choices(words);
  return command
    .option('--listener <addr>', 'may be left out where one listener is configured')
    .requiredOption('--hostname <host>', 'exact name, or "*.example.test" for one label more')
    .requiredOption('--backend, --backends <address>', 'host:port of a backend; give it again for more', collect)
    .addOption(
      oneOf('--mode <mode>', 'relay TLS unopened, or terminate it', Object.keys(routeModes)).makeOptionMandatory(),
    )
    .option('--send-proxy-protocol', 'send a PROXY v2 header to the backend')
    .option('--tls-cert <file>', 'l7: PEM certificate chain')
    .option('--tls-key <file>', 'l7: PEM private key')
    .option('--backend-tls', 'l7: TLS to the backend')
    .addOption(oneOf('--backend-verify <how>', "l7: whether to verify the backend's certificate", ['none', 'ca']))
    .option('--backend-ca <file>', 'l7: PEM file of the CAs to verify with; default: those of the system')
    .option('--backend-server-name <host>', "l7: SNI and name to verify; default: the route's host name")
    .addOption(
      oneOf('--backend-protocol <protocol>', 'l7: HTTP version to the backend', ['auto', 'http1', 'h2c', 'h2']),
    )
    .option('--client-ca <file>', 'l7: PEM file of the CAs that client certificates must come from')
    .addOption(oneOf('--forwarded-headers <how>', 'l7: X-Forwarded-* from a trusted PROXY hop', ['set', 'append']))
    .addOption(
      oneOf('--health-check <how>', 'ask the backends whether they serve; default: off', ['off', 'tcp', 'http']),
    )
    .option('--health-interval <duration>', 'between two checks of a backend; default: 5s', durationOption)
    .option('--health-timeout <duration>', 'for a whole check; default: 2s', durationOption)
    .option('--health-path <path>', 'http: what is asked for; default: /')
    .option('--health-host <host>', "http: the Host; default: the route's host name")
    .option('--health-fall <n>', 'failures in a row after which a backend is down; default: 3', countOption)
    .option('--health-rise <n>', 'passes in a row after which it is up again; default: 2', countOption)
    .option('--block-user-agent, --block-user-agents <text>', 'l7: refuse these User-Agents; may be repeated', collect)
    .option('--require-header, --require-headers <name>', 'l7: refuse requests without it; may be repeated', collect);
}

/** Paths are meant from where the command runs; the server runs elsewhere. */
function routeOf(options: AddOptions): Route {
  const path = (file: string | undefined): string => (file === undefined || file === '' ? '' : resolve(file));
  return {
    hostname: options.hostname,
    backends: [...options.backends],
    mode: routeModes[options.mode],
    sendProxyProtocol: options.sendProxyProtocol === true,
    tlsCert: path(options.tlsCert),
    tlsKey: path(options.tlsKey),
    backendTls: options.backendTls === true,
    backendVerify: options.backendVerify ?? '',
    backendCa: path(options.backendCa),
    backendServerName: options.backendServerName ?? '',
    backendProtocol: options.backendProtocol ?? '',
    clientCa: path(options.clientCa),
    forwardedHeaders: options.forwardedHeaders ?? '',
    healthCheck: options.healthCheck ?? '',
    healthIntervalMs: options.healthInterval ?? 0,
    healthTimeoutMs: options.healthTimeout ?? 0,
    healthPath: options.healthPath ?? '',
    healthHost: options.healthHost ?? '',
    healthFall: options.healthFall ?? 0,
    healthRise: options.healthRise ?? 0,
    blockUserAgents: [...(options.blockUserAgents ?? [])],
    requireHeaders: [...(options.requireHeaders ?? [])],
    origin: Origin.UNSPECIFIED,
    shadowsConfig: false,
  };
}
