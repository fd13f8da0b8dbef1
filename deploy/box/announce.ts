import { relative } from 'node:path';
import type { BoxPlan, ProxyProcess } from './proxy-process.ts';
import { L4_HOST, L7_HOST, socketPath } from './proxy-process.ts';
import type { Verified } from './verify.ts';

/** What `npm start` prints once everything runs: what was checked, what runs where, and commands that work when pasted. */
export function announcement(
  root: string,
  plan: BoxPlan,
  caFile: string,
  proxy: ProxyProcess,
  checks: Verified[],
): string {
  const path = (file: string): string => relative(root, file) || '.';
  const { port, metricsPort } = plan;
  const curl = (host: string, extra = ''): string =>
    `curl --cacert ${path(caFile)} --resolve ${host}:${port}:127.0.0.1${extra} https://${host}:${port}/`;
  const ctl = `bin/mcproxyctl --socket ${path(socketPath(plan.dir))}`;
  return [
    'Checked, each through mc-proxy:',
    ...checks.map(({ what, found }) => `  ok  ${what.padEnd(36)} ${found}`),
    '',
    'Running:',
    ...table([
      [
        'mc-proxy',
        `https://127.0.0.1:${port}`,
        `pid ${proxy.pid}, log ${path(proxy.log)}, config ${path(proxy.config)}`,
      ],
      ['metrics', `http://127.0.0.1:${metricsPort}/metrics`, ''],
      ['admin socket', path(socketPath(plan.dir)), ''],
      [L7_HOST, `-> ${plan.l7.backend}`, 'L7: mc-proxy terminates TLS, the origin speaks plain HTTP'],
      [L4_HOST, `-> ${plan.l4.backend}`, 'L4: the origin speaks its own TLS, passed through'],
    ]),
    '',
    'Try, from this directory:',
    `  ${curl(L7_HOST)}`,
    `  ${curl(L7_HOST, ' --http1.1 -A zgrab/0.x')}`,
    `  ${curl(L4_HOST)}`,
    `  openssl s_client -connect 127.0.0.1:${port} -servername ${L7_HOST} -tls1_2 </dev/null`,
    `  ${ctl} status`,
    `  ${ctl} routes list`,
    `  ${ctl} routes add --hostname new.box.test --backend ${plan.l4.backend} --mode l4`,
    `  ${ctl} firewall block --cidr 198.51.100.0/24`,
    `  ${ctl} explain --ip 198.51.100.7 --sni ${L7_HOST}`,
    `  ${ctl} events --follow`,
    '',
    'Ctrl-C stops all of it.',
    '',
  ].join('\n');
}

function table(rows: string[][]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}
