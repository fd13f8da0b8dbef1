import { relative } from 'node:path';
import {
  configFile,
  curlFile,
  envFile,
  L4_HOST,
  L7_HOST,
  logFile,
  socketPath,
  SPARE_HOST,
  type BoxPlan,
} from './plan.ts';
import { shellWord } from './shell-word.ts';
import type { Verified } from './verify.ts';

/** What `npm start` prints once everything runs: what was checked, what runs where, and commands that work when pasted. */
export function announcement(root: string, plan: BoxPlan, pid: number, checks: readonly Verified[]): string {
  const path = (file: string): string => shorter(root, file);
  const { dir, port, metricsPort, l7, l4 } = plan;
  return [
    'mc-proxy is up. Checked by a request through each path:',
    ...table(checks.map(({ what, found }) => ['ok', what, found])),
    '',
    'What runs where:',
    ...table([
      ['mc-proxy', `https://127.0.0.1:${port}`, `process ${pid}`],
      [L7_HOST, `-> http://${l7.backend}`, 'L7: mc-proxy terminates TLS, the origin speaks plain HTTP'],
      [L4_HOST, `-> https://${l4.backend}`, 'L4: passed through unopened, the origin speaks its own TLS'],
      ['status page', `http://127.0.0.1:${metricsPort}/`, 'and the same figures for Prometheus at /metrics'],
      ['admin socket', path(socketPath(dir))],
      ['configuration', path(configFile(dir))],
      ['log', path(logFile(dir))],
      ['CA certificate', path(plan.caFile), 'made for this box; the commands below trust it'],
      ['for curl', path(curlFile(dir)), `curl -K ${shellWord(path(curlFile(dir)))} https://${L7_HOST}/`],
      [
        'for the shell',
        path(envFile(dir)),
        `. ${shellWord(path(envFile(dir)))}; bin/mcproxyctl then needs no --socket`,
      ],
    ]),
    '',
    `Try in another terminal, in ${root}:`,
    ...commands(plan, path).flatMap(([what, command]) => [...(what === '' ? [] : [`  ${what}`]), `    ${command}`]),
    '',
    'Ctrl-C stops all of it.',
    '',
  ].join('\n');
}

function commands(plan: BoxPlan, path: (file: string) => string): (readonly [string, string])[] {
  const { port, caFile, dir, l4 } = plan;
  const curl = (host: string, extra = ''): string =>
    `curl${proxyBypass()} --cacert ${shellWord(path(caFile))} --resolve ${host}:${port}:127.0.0.1${extra} https://${host}:${port}/`;
  const ctl = `bin/mcproxyctl --socket ${shellWord(path(socketPath(dir)))}`;
  return [
    ['L7, over HTTP/2:', curl(L7_HOST)],
    ['L7, refused by the User-Agent policy of the route:', curl(L7_HOST, ' -A zgrab/0.x')],
    ['L4, with the certificate of the origin:', curl(L4_HOST)],
    [
      'The TLS that the L7 route speaks:',
      `openssl s_client -brief -connect 127.0.0.1:${port} -servername ${L7_HOST} -CAfile ${shellWord(path(caFile))} </dev/null`,
    ],
    ['The state of the server, and its routes:', `${ctl} status`],
    ['', `${ctl} routes list`],
    ['A route added at runtime, kept over restarts:', addRoute(ctl, l4.backend)],
    ['', curl(SPARE_HOST)],
    ['A network blocked, and what would happen to a client from it:', `${ctl} firewall block --cidr 198.51.100.0/24`],
    ['', `${ctl} explain --ip 198.51.100.7 --sni ${L7_HOST}`],
    ['Refusals and changes as they happen, until Ctrl-C:', `${ctl} events --follow`],
  ];
}

function addRoute(ctl: string, backend: string): string {
  return `${ctl} routes add --hostname ${SPARE_HOST} --backend ${backend} --mode l4`;
}

/** curl would ask a configured proxy for these names, which nobody else knows. */
function proxyBypass(): string {
  const names = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'];
  return names.some((name) => (process.env[name] ?? '') !== '') ? ` --noproxy '*'` : '';
}

function shorter(root: string, file: string): string {
  const short = relative(root, file);
  return short.startsWith('..') ? file : short;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}
