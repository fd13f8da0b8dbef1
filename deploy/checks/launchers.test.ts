import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryRoot } from './source-files.ts';

const bin = join(repositoryRoot, 'bin');
const launchers = readdirSync(bin).filter((name) => !name.startsWith('.'));
const systemPath = '/usr/bin:/bin';

/** A program that tells how it was started. */
const entry = `console.log(JSON.stringify({
  pid: process.pid, args: process.argv.slice(2), cwd: process.cwd(), file: process.argv[1], listenPid: process.env.LISTEN_PID ?? null,
}));`;

let directory: string;
let checkout: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'launch-'));
  checkout = join(directory, 'a checkout');
  mkdirSync(join(checkout, 'bin'), { recursive: true });
  for (const name of readdirSync(bin)) copyFileSync(join(bin, name), join(checkout, 'bin', name));
  for (const name of launchers) write(join(checkout, entryOf(name)), entry);
  mkdirSync(join(checkout, 'node_modules/node/bin'), { recursive: true });
  symlinkSync(process.execPath, join(checkout, 'node_modules/node/bin/node'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function entryOf(name: string): string {
  return /^entry=(.+)$/m.exec(readFileSync(join(bin, name), 'utf8'))![1]!;
}

function launch(
  command: string,
  args: string[] = [],
  path: string = systemPath,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(command, args, { cwd: directory, encoding: 'utf8', env: { PATH: path } });
}

/** A directory with a `node` that runs the real one, but tells the given exit code when asked for its version. */
function pathWithNode(versionCheck: string): string {
  const folder = join(directory, 'path');
  write(join(folder, 'node'), `#!/bin/sh\n[ "$1" != -e ] || ${versionCheck}\nexec '${process.execPath}' "$@"\n`);
  chmodSync(join(folder, 'node'), 0o755);
  return `${folder}:${systemPath}`;
}

describe.each(launchers)('bin/%s', (name) => {
  it('runs its program from anywhere, with its arguments, in the caller’s directory', () => {
    const { status, stdout } = launch(join(checkout, 'bin', name), ['server', '--config', 'a b', '']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      args: ['server', '--config', 'a b', ''],
      cwd: directory,
      file: join(checkout, entryOf(name)),
    });
  });

  it('runs through symbolic links on PATH', () => {
    const local = join(directory, 'local');
    mkdirSync(local);
    symlinkSync(`../a checkout/bin/${name}`, join(local, 'first'));
    symlinkSync('first', join(local, name));
    const { stdout } = launch('/bin/sh', ['-c', `${name} x`], `${local}:${systemPath}`);
    expect(JSON.parse(stdout)).toMatchObject({ args: ['x'], file: join(checkout, entryOf(name)) });
  });

  it('keeps compiled code in the checkout, or where the environment says', () => {
    const command = join(checkout, 'bin', name);
    launch(command);
    expect(existsSync(join(checkout, 'node_modules/.cache/compiled'))).toBe(true);
    const elsewhere = join(directory, 'elsewhere');
    spawnSync(command, { env: { PATH: systemPath, NODE_COMPILE_CACHE: elsewhere } });
    expect(existsSync(elsewhere)).toBe(true);
  });

  it('becomes its program: the pid stays, as readiness and sockets from systemd need it', async () => {
    const child = spawn('/bin/sh', ['-c', 'LISTEN_PID=$$ exec "$0"', join(checkout, 'bin', name)], {
      env: { PATH: systemPath },
    });
    const [stdout] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect(JSON.parse(stdout)).toMatchObject({ pid: child.pid, listenPid: String(child.pid) });
  });

  it('uses a node of PATH when the checkout has none and it is new enough', () => {
    rmSync(join(checkout, 'node_modules/node'), { recursive: true });
    const { status, stdout } = launch(join(checkout, 'bin', name), ['x'], pathWithNode('exit 0'));
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ args: ['x'] });
  });

  it.each(['node_modules', 'node_modules/node'])(
    'says what to do when %s is missing and node is too old',
    (missing) => {
      rmSync(join(checkout, missing), { recursive: true });
      const { status, stdout, stderr } = launch(join(checkout, 'bin', name), [], pathWithNode('exit 1'));
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toBe(
        `${name}: ${checkout} is not set up: run \`npm run setup\` there (needs Node 18 or newer and, once, the network)\n`,
      );
    },
  );
});
