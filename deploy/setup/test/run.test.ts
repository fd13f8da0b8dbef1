import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { requireClient } from '../../checks/clients.ts';
import { createFixture, type Fixture } from './fixture.ts';

/** Counts interruptions; ends at SIGTERM. */
const counting = `
  let interrupts = 0;
  process.on('SIGINT', () => console.log('interrupted ' + ++interrupts));
  process.on('SIGTERM', () => {
    console.log('after ' + interrupts);
    process.exit(5);
  });
  setInterval(() => {}, 1000);
  console.log('pid ' + process.pid);
`;

/** A checkout whose `npm start` is the given program. */
function startable(source: string): Fixture {
  const fixture = createFixture();
  fixture.write('deploy/box/start.ts', source);
  return fixture;
}

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function pidIn(output: string): number {
  return Number(/pid (\d+)/.exec(output)?.[1]);
}

describe('npm start', () => {
  it('sets up, then runs under the checkout’s Node, in its root, with the arguments and the exit code', async () => {
    await using fixture = startable(`
      import { spawnSync } from 'node:child_process';
      const node = spawnSync('sh', ['-c', 'command -v node'], { encoding: 'utf8' }).stdout.trim();
      console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), node }));
      process.exitCode = 7;
    `);
    fixture.write('node_modules/.bin/node', `#!/bin/sh\nexec ${process.execPath} "$@"\n`, 0o755);
    const { code, output } = await fixture.start('run', ['start', '--zone', 'box test', '']).ended;
    expect(code).toBe(7);
    expect(JSON.parse(output.trimEnd().split('\n').at(-1)!)).toEqual({
      args: ['--zone', 'box test', ''],
      cwd: fixture.root,
      node: `${fixture.root}/node_modules/.bin/node`,
    });
  });

  it('passes a signal on exactly once, also when npm repeats the terminal’s', async () => {
    await using fixture = startable(counting);
    const run = fixture.start('run', ['start']);
    await run.says('pid');
    const startMs = performance.now();
    run.child.kill('SIGINT');
    await run.says('interrupted 1');
    run.child.kill('SIGINT');
    const isEcho = performance.now() - startMs < 200;
    run.child.kill('SIGTERM');
    const { code, output } = await run.ended;
    expect(code).toBe(5);
    // On a machine so busy that the repetition came late it counts as a second request, rightly.
    if (isEcho) expect(output).toContain('after 1');
  });

  it('passes a second Ctrl-C on', async () => {
    await using fixture = startable(counting);
    const run = fixture.start('run', ['start']);
    await run.says('pid');
    run.child.kill('SIGINT');
    await run.says('interrupted 1');
    // Longer than what counts as an echo: here the time itself is the matter.
    await sleep(700);
    run.child.kill('SIGINT');
    await run.says('interrupted 2');
    run.child.kill('SIGTERM');
    expect(await run.ended).toMatchObject({ code: 5 });
  });

  it('ends with 128 + n when signal n ended the program', async () => {
    await using fixture = startable(`process.kill(process.pid, 'SIGKILL');`);
    expect(await fixture.start('run', ['start']).ended).toMatchObject({ code: 137 });
  });

  it('stops the program when the terminal goes away', async () => {
    await using fixture = startable(counting);
    const run = fixture.start('run', ['start']);
    await run.says('pid');
    run.child.kill('SIGHUP');
    expect(await run.ended).toMatchObject({ code: 5 });
  });

  it('leaves no process of the program’s behind', async () => {
    await using fixture = startable(`
      import { spawn } from 'node:child_process';
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      console.log('pid ' + child.pid);
      child.unref();
    `);
    const { output } = await fixture.start('run', ['start']).ended;
    await expect.poll(() => isRunning(pidIn(output))).toBe(false);
  });
});

describe('npm start, killed', () => {
  requireClient('setpriv');

  it('takes the program with it', async () => {
    await using fixture = startable(counting);
    const run = fixture.start('run', ['start']);
    await run.says('pid');
    run.child.kill('SIGKILL');
    await run.ended;
    await expect.poll(() => isRunning(pidIn(run.output()))).toBe(false);
  });
});

describe('npm test', () => {
  const programs = ['tsc', 'oxlint', 'prettier', 'vitest'];

  function testable(exitCodes: Record<string, number> = {}): Fixture {
    const fixture = createFixture();
    const program = (name: string): string => `#!/bin/sh\necho "ran ${name} $*"\nexit ${exitCodes[name] ?? 0}\n`;
    for (const name of programs) fixture.write(`node_modules/.bin/${name}`, program(name), 0o755);
    fixture.write('deploy/test-deps', program('test-deps'), 0o755);
    return fixture;
  }

  function ran(output: string): string[] {
    return output.split('\n').filter((line) => line.startsWith('ran '));
  }

  it('checks clients, types, lint, format, then runs the tests', async () => {
    await using fixture = testable();
    const { code, output } = await fixture.start('run', ['test']).ended;
    expect(code).toBe(0);
    expect(ran(output).map((line) => line.split(' ')[1])).toEqual(['test-deps', ...programs]);
  });

  it('runs everything also after a failure, and fails', async () => {
    await using fixture = testable({ tsc: 2, prettier: 1 });
    const { code, output } = await fixture.start('run', ['test']).ended;
    expect(code).toBe(1);
    expect(ran(output)).toHaveLength(5);
    expect(output).toContain('failed: types, format\n');
  });

  it('with arguments runs the tests alone, and passes their exit code on', async () => {
    await using fixture = testable({ vitest: 3 });
    const { code, output } = await fixture.start('run', ['test', 'mcdsl', '-t', 'a name']).ended;
    expect(code).toBe(3);
    expect(ran(output)).toEqual(['ran vitest run --configLoader native mcdsl -t a name']);
  });

  it('refuses a task that there is not', async () => {
    await using fixture = createFixture();
    const { code, output } = await fixture.start('run', ['toString']).ended;
    expect(code).toBe(64);
    expect(output).toMatch(/^usage: npm run start\|/);
    expect(fixture.npmCalls()).toEqual([]);
  });
});
