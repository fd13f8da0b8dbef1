import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { codeLines, section } from './operations-page.ts';
import { baseConfig, run, startServer } from './running-server.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mc-restore-'));
  mkdirSync(join(dir, 'backups'));
  const route = `[[listeners.routes]]\nhostname = "file.example.net"\nbackend = "127.0.0.1:9"\nmode = "l4"\n`;
  writeFileSync(join(dir, 'mc-proxy.toml'), baseConfig(dir) + route);
});
afterEach(() => rmSync(dir, { recursive: true }));

const routeList = z.array(z.object({ hostname: z.string() }));

function hostnames(): string[] {
  return routeList
    .parse(JSON.parse(run('mcproxyctl', ['--json', 'routes', 'list'], dir)))
    .map(({ hostname }) => hostname)
    .sort();
}

function addRoute(hostname: string): void {
  run('mcproxyctl', ['routes', 'add', '--hostname', hostname, '--backend', '127.0.0.1:9', '--mode', 'l4'], dir);
}

function snapshot(): void {
  run('mc-proxy', ['snapshot', '--keep', '14', '--config', join(dir, 'mc-proxy.toml')]);
}

/** The commands of the page between stopping and starting the service, led to the test's directory and user. */
function restoreByThePage(): void {
  const lines = codeLines(section('### Restore'), 'sh');
  const [stop, start] = [lines.indexOf('systemctl stop mc-proxy'), lines.indexOf('systemctl start mc-proxy')];
  expect(stop).toBeGreaterThan(0);
  expect(start).toBeGreaterThan(stop);
  const script = [...lines.slice(0, stop), ...lines.slice(stop + 1, start)]
    .join('\n')
    .replaceAll('/srv/mc-proxy', dir)
    .replaceAll(' -o mc-proxy -g mc-proxy', '');
  execFileSync('sh', ['-eu', '-c', script]);
}

it('PX-24 PF-12 a copy restored as the page says brings the routes of the API back as they were', async () => {
  {
    await using server = await startServer(dir);
    addRoute('before.example.net');
    snapshot();
    addRoute('after.example.net');
    expect(hostnames()).toEqual(['after.example.net', 'before.example.net', 'file.example.net']);
    await server.end('SIGTERM');
  }
  restoreByThePage();
  await using _server = await startServer(dir);
  expect(hostnames()).toEqual(['before.example.net', 'file.example.net']);
  addRoute('later.example.net');
  expect(hostnames()).toContain('later.example.net');
});

it('PX-24 the same after kill -9, with a write-ahead log left behind', async () => {
  {
    await using server = await startServer(dir);
    addRoute('before.example.net');
    snapshot();
    addRoute('after.example.net');
    await server.end('SIGKILL');
  }
  expect(readdirSync(dir)).toContain('mc-proxy.db-wal');
  restoreByThePage();
  await using _server = await startServer(dir);
  expect(hostnames()).toEqual(['before.example.net', 'file.example.net']);
});

it('PX-24 a damaged database is set aside, the routes of the file serve, and a copy brings the rest back', async () => {
  {
    await using server = await startServer(dir);
    addRoute('before.example.net');
    snapshot();
    await server.end('SIGTERM');
  }
  writeFileSync(join(dir, 'mc-proxy.db'), Buffer.alloc(20_000, 0xa5));
  {
    await using server = await startServer(dir);
    expect(hostnames()).toEqual(['file.example.net']);
    expect(run('mcproxyctl', ['status'], dir)).toContain('mc-proxy.db.corrupt-');
    await server.end('SIGTERM');
  }
  restoreByThePage();
  await using _server = await startServer(dir);
  expect(hostnames()).toEqual(['before.example.net', 'file.example.net']);
});
