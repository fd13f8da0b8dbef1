import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A checkout of its own in a temporary directory, with the real set-up in it, a pretended npm and a pretended cargo. */
export type Fixture = AsyncDisposable & {
  readonly root: string;
  write(path: string, text: string, mode?: number): void;
  read(path: string): string;
  has(path: string): boolean;
  /** What npm was called with, one line a call. */
  npmCalls(): string[];
  start(script: 'setup' | 'run', args?: readonly string[], env?: NodeJS.ProcessEnv): Run;
};

export type Run = {
  readonly child: ChildProcess;
  /** Resolves once the text has been written to stdout or stderr. */
  says(text: string): Promise<void>;
  /** Everything written so far. */
  output(): string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; output: string }>;
};

export const runtimeVersion = process.versions.node;

const npmCli = `import { appendFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
const args = process.argv.slice(2);
appendFileSync('npm-calls', args.join(' ') + '\\n');
if (process.env.PRETEND_FAILURE) {
  console.error(process.env.PRETEND_FAILURE);
  process.exit(1);
}
const work = () => {
  if (args[0] === 'install') writeFileSync('node_modules/.package-lock.json', '{}');
  if (args[0] === 'rebuild') {
    mkdirSync('node_modules/node/bin', { recursive: true });
    rmSync('node_modules/node/bin/node', { force: true });
    symlinkSync(${JSON.stringify(process.execPath)}, 'node_modules/node/bin/node');
  }
  process.exit(0);
};
if (process.env.PRETEND_SLOW) setInterval(() => existsSync('go-on') && work(), 10);
else work();
`;

const cargo = `#!/bin/sh
[ "$1" = build ] || exec echo cargo 1.0.0
[ -z "$PRETEND_RUST_FAILURE" ] || { echo "$PRETEND_RUST_FAILURE" >&2; exit 101; }
mkdir -p target/release
echo built >>target/release/libmetacircular_core.so
`;

export function createFixture(): Fixture {
  const root = mkdtempSync(join(tmpdir(), 'setup-'));
  const children = new Set<ChildProcess>();
  const fixture: Fixture = {
    root,
    write(path, text, mode = 0o644) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
      chmodSync(join(root, path), mode);
    },
    read: (path) => readFileSync(join(root, path), 'utf8'),
    has: (path) => existsSync(join(root, path)),
    npmCalls: () => (fixture.has('npm-calls') ? fixture.read('npm-calls').trimEnd().split('\n') : []),
    start(script, args = [], env = {}) {
      const file = join(root, 'deploy/setup', `${script}.mjs`);
      const child = spawn(process.execPath, [file, ...args], {
        cwd: tmpdir(),
        env: {
          ...process.env,
          NO_COLOR: '1',
          FORCE_COLOR: undefined,
          npm_execpath: join(root, 'npm-cli.js'),
          PATH: `${join(root, 'pretended')}:${process.env['PATH']}`,
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.add(child);
      return follow(child);
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      rmSync(root, { recursive: true, force: true });
    },
  };
  cpSync(join(import.meta.dirname, '..'), join(root, 'deploy/setup'), {
    recursive: true,
    filter: (source) => !source.endsWith('/test'),
  });
  fixture.write('package.json', JSON.stringify({ type: 'module', dependencies: { node: runtimeVersion } }));
  fixture.write('npm-cli.js', npmCli);
  fixture.write('pretended/cargo', cargo, 0o755);
  fixture.write('native-deps/core/Cargo.toml', '[package]');
  fixture.write('native-deps/core/src/lib.rs', '');
  fixture.write('package-lock.json', '{}');
  return fixture;
}

function follow(child: ChildProcess): Run {
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    output,
  }));
  return {
    child,
    output: () => output,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!output.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`ended without saying "${text}":\n${output}`)));
      }),
  };
}
