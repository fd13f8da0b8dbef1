import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { get } from 'node:https';
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeedCa } from '../../../mcdsl/seed-pki/index.ts';
import { repositoryRoot } from '../../checks/source-files.ts';
import { codeLines, page, quoted, section, tableRows } from './operations-page.ts';
import { baseConfig, run, startServer, type LogLine, type RunningProgram } from './running-server.ts';

/** A command of ours with its words and options, as the page writes it. */
const ourCommand = /^(?:runuser .* -- )?(mc-proxy|mcproxyctl)((?: [a-z]+)+)((?: --?[a-z-]+(?: (?!--)\S+)?)*)/;

function commandsOfPage(): { program: string; words: string[]; options: string[] }[] {
  const found = [...codeLines(page, 'sh'), ...quoted(page)].flatMap((text) => {
    const match = ourCommand.exec(text);
    return match ? [match] : [];
  });
  const commands = new Map<string, Set<string>>();
  for (const [, program = '', words = '', rest = ''] of found) {
    const options = commands.get(program + words) ?? new Set();
    for (const option of rest.match(/--[a-z-]+/g) ?? []) options.add(option);
    commands.set(program + words, options);
  }
  return [...commands].map(([command, options]) => {
    const [program = '', ...words] = command.split(' ');
    return { program, words, options: [...options] };
  });
}

describe('docs/operations.md', () => {
  const commands = commandsOfPage();

  it('names every command that an operator has', () => {
    const names = commands.map(({ program, words }) => [program, ...words].join(' '));
    expect(names).toEqual(
      expect.arrayContaining([
        'mc-proxy snapshot',
        'mc-proxy config check',
        'mcproxyctl status',
        'mcproxyctl routes add',
        'mcproxyctl firewall block',
        'mcproxyctl explain',
        'mcproxyctl events',
        'mcproxyctl certs reload',
        'mcproxyctl drain',
      ]),
    );
  });

  it.each(commands)('$program $words exists, with the options of the page', ({ program, words, options }) => {
    const help = run(program, [...words, '--help']);
    expect(help).toMatch(new RegExp(`^Usage: ${[program, ...words].join(' ')}(?: |$)`, 'm'));
    for (const option of options) expect(help).toMatch(new RegExp(`${option}\\b`));
  });

  it('PX-14 has the reasons of dataplane/proxy/reasons.ts, all of them, in their order', () => {
    // Read as text: deploy/ doesn't import the data plane.
    const source = readFileSync(join(repositoryRoot, 'dataplane/proxy/reasons.ts'), 'utf8');
    const rows = [...source.matchAll(/^ {2}(\w+):\s+(['"])(.+)\2,$/gm)].map(
      ([, code, , text]) => `| \`${code}\` | ${text} |`,
    );
    expect(rows.length).toBeGreaterThan(20);
    const table = /<!-- reasons: begin -->\n([^]*)<!-- reasons: end -->/.exec(page)?.[1];
    expect(table).toBe(['| Reason | Meaning |', '|---|---|', ...rows, ''].join('\n'));
  });

  it('links to headings that it has', () => {
    const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading.toLowerCase().replaceAll(' ', '-'),
    );
    for (const [, target] of page.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(target);
  });

  it('names files of the checkout that are there', () => {
    const paths = page.match(/(?<![\w/])(?:deploy|dataplane|docs)\/[\w./-]*\w/g) ?? [];
    expect(paths.length).toBeGreaterThan(3);
    for (const path of new Set(paths))
      expect(spawnSync('test', ['-e', join(repositoryRoot, path)]).status, path).toBe(0);
  });
});

describe('docs/operations.md beside a running server', () => {
  let dir: string;
  let server: RunningProgram;
  let port: number;
  let ca: string;
  const origins: Server[] = [];

  /** Listens on a port that the kernel chooses. */
  async function listen(origin: Server): Promise<string> {
    origins.push(origin.listen(0, '127.0.0.1'));
    await once(origin, 'listening');
    return `127.0.0.1:${(origin.address() as AddressInfo).port}`;
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'mc-operations-'));
    mkdirSync(join(dir, 'certs'));
    const seed = await createSeedCa();
    ca = seed.certPem;
    const pair = await seed.issue({ names: ['web.example.net'] });
    writeFileSync(join(dir, 'certs/web.pem'), pair.certPem);
    writeFileSync(join(dir, 'certs/web.key'), pair.keyPem, { mode: 0o600 });
    writeFileSync(join(dir, 'mc-proxy.toml'), `${baseConfig(dir)}[firewall]\nblocked_cidrs = ["203.0.113.0/24"]\n`);
    server = await startServer(dir);
    port = Number((await server.line({ msg: 'listening' }))['port']);

    const http = await listen(createServer((_request, response) => response.end('hello')));
    const tcp = await listen(createTcpServer((socket) => socket.once('data', () => socket.end('bye'))));
    const pairOptions = ['--tls-cert', `${dir}/certs/web.pem`, '--tls-key', `${dir}/certs/web.key`];
    run(
      'mcproxyctl',
      ['routes', 'add', '--hostname', 'web.example.net', '--backend', http, '--mode', 'l7', ...pairOptions],
      dir,
    );
    run('mcproxyctl', ['routes', 'add', '--hostname', 'app.example.net', '--backend', tcp, '--mode', 'l4'], dir);
  });
  afterAll(async () => {
    await server?.end('SIGTERM');
    for (const origin of origins) origin.close();
    rmSync(dir, { recursive: true });
  });

  const documented = (): Map<string, string> =>
    new Map(
      tableRows(section('## Log lines')).flatMap(([names = '', where = '']) =>
        quoted(names).map((name) => [name, where]),
      ),
    );

  function expectDocumented(line: LogLine, message: string): void {
    const fields = documented();
    for (const name of Object.keys(line)) {
      if (['level', 'time', 'service', 'msg'].includes(name)) continue;
      expect(fields.get(name), `${name} of ${message}`).toMatch(new RegExp(`all|${message}`));
    }
  }

  it('PX-22 has every metric that is served, with its labels, and no other', async () => {
    const metrics = Number((await server.line({ msg: 'metrics are served' }))['port']);
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    const served = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
    const rows = tableRows(section('## Metrics'));
    expect(rows.map(([name = '']) => quoted(name)[0]).sort()).toEqual([...served].sort());
    for (const [name = '', labels = ''] of rows) {
      const sample = new RegExp(`^${quoted(name)[0]}(?:_count)?(?:\\{([^}]*)\\})? `, 'm').exec(text);
      // A family with labels has no sample before there is something to count.
      if (sample === null) continue;
      const found = [...(sample[1] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label);
      expect(found.sort(), name).toEqual(labels.split(/[, ]+/).filter(Boolean).sort());
    }
  });

  it('alerts on metrics that are served', () => {
    const names = page.match(/\bmc_proxy_\w+/g) ?? [];
    const rows = tableRows(section('## Metrics')).map(([name = '']) => name);
    for (const name of names)
      expect(
        rows.some((row) => row === `\`${name}\``),
        name,
      ).toBe(true);
  });

  it('PX-14 PX-23 has every field of the line of a refusal', async () => {
    const socket = connectTcp(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
    socket.on('error', () => undefined);
    const line = await server.line({ msg: 'refused', reason: 'hello_invalid' });
    expectDocumented(line, 'refused');
  });

  it('PX-23 has every field of the line of a connection', async () => {
    const client = connectTls({ port, host: '127.0.0.1', servername: 'app.example.net' });
    client.on('error', () => undefined);
    expectDocumented(await server.line({ msg: 'connection', route: 'app.example.net' }), 'connection');
  });

  it('PX-23 has every field of the line of a request', async () => {
    const [response] = await once(
      get({
        port,
        host: '127.0.0.1',
        servername: 'web.example.net',
        ca,
        headers: { Host: 'web.example.net' },
        agent: false,
      }),
      'response',
    );
    response.resume();
    const line = await server.line({ msg: 'request', status: 200 });
    expectDocumented(line, 'request');
    expect(Object.keys(line)).toEqual(expect.arrayContaining(['id', 'request', 'client', 'backend', 'duration_ms']));
  });

  it('PX-14 shows what explain answers', () => {
    const answer = run('mcproxyctl', ['explain', '--ip', '203.0.113.9', '--sni', 'app.example.net'], dir);
    expect(codeLines(section('## Troubleshooting'), 'text').join('\n')).toBe(answer.trimEnd());
  });
});
