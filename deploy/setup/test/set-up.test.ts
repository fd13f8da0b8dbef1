import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFixture, runtimeVersion, type Fixture } from './fixture.ts';

const install = 'install --no-save --ignore-scripts --include=dev --include=optional --no-audit --no-fund';
const rebuild = 'rebuild node --ignore-scripts=false --foreground-scripts';
const whole = [install, rebuild, install];
const guard = 'node_modules/.setup-lock';

async function setUp(fixture: Fixture, env: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; output: string }> {
  return await fixture.start('setup', [], env).ended;
}

describe('set-up', () => {
  it('installs, fetches the runtime, installs what only that accepts, with one line each', async () => {
    await using fixture = createFixture();
    const { code, output } = await setUp(fixture);
    expect(code).toBe(0);
    expect(fixture.npmCalls()).toEqual(whole);
    expect(output.trimEnd().split('\n')).toHaveLength(4);
    expect(fixture.has(guard)).toBe(false);
  });

  it('does nothing and says nothing when all is done', async () => {
    await using fixture = createFixture();
    await setUp(fixture);
    const again = await setUp(fixture, { PRETEND_FAILURE: 'ENOTFOUND' });
    expect(again).toMatchObject({ code: 0, output: '' });
    expect(fixture.npmCalls()).toEqual(whole);
  });

  it('installs again for another dependency or lock file, not for another script', async () => {
    await using fixture = createFixture();
    await setUp(fixture);
    const manifest = { type: 'module', dependencies: { node: runtimeVersion }, scripts: { hello: 'echo' } };
    fixture.write('package.json', JSON.stringify(manifest));
    await setUp(fixture);
    expect(fixture.npmCalls()).toEqual(whole);

    fixture.write('package.json', JSON.stringify({ ...manifest, devDependencies: { other: '1.0.0' } }));
    await setUp(fixture);
    expect(fixture.npmCalls().slice(3)).toEqual([install, install]);

    fixture.write('package-lock.json', '{"changed":true}');
    await setUp(fixture);
    expect(fixture.npmCalls().slice(5)).toEqual([install, install]);
  });

  it.each(['missing', 'cut short'])('fetches the runtime again when its binary is %s', async (state) => {
    await using fixture = createFixture();
    await setUp(fixture);
    const binary = join(fixture.root, 'node_modules/node/bin/node');
    rmSync(binary);
    if (state === 'cut short') fixture.write('node_modules/node/bin/node', '', 0o755);
    expect(await setUp(fixture)).toMatchObject({ code: 0 });
    expect(fixture.npmCalls().slice(3)).toEqual([rebuild]);
  });

  it('says what to do when the registry cannot be reached, and works the next time', async () => {
    await using fixture = createFixture();
    const failed = await setUp(fixture, { PRETEND_FAILURE: 'npm error code ENOTFOUND' });
    expect(failed.code).toBe(1);
    expect(failed.output).toContain('npm error code ENOTFOUND');
    expect(failed.output).toContain('Connect the machine and run `npm run setup` once');
    expect(await setUp(fixture)).toMatchObject({ code: 0 });
  });

  it('shows the end of the log when npm fails for another reason', async () => {
    await using fixture = createFixture();
    const { code, output } = await setUp(fixture, { PRETEND_FAILURE: 'npm error disk full' });
    expect(code).toBe(1);
    expect(output).toContain('npm error disk full');
    expect(output).not.toContain('Connect the machine');
  });

  it('stops npm when it is told to stop, and leaves no lock', async () => {
    await using fixture = createFixture();
    const run = fixture.start('setup', [], { PRETEND_SLOW: '1' });
    await expect.poll(() => fixture.npmCalls()).toHaveLength(1);
    run.child.kill('SIGTERM');
    expect(await run.ended).toMatchObject({ code: 143 });
    expect(fixture.has(guard)).toBe(false);
  });
});

describe('the native core', () => {
  const binary = 'native-deps/core/target/core.node';

  it('is built, and again when a source changed', async () => {
    await using fixture = createFixture();
    await setUp(fixture);
    expect(fixture.read(binary)).toBe('built\n');
    fixture.write('native-deps/core/src/lib.rs', 'mod more;');
    expect((await setUp(fixture)).output).toBe('set-up: building the native core\n');
    expect(fixture.read(binary)).toBe('built\nbuilt\n');
  });

  it('is left out with one line where there is no cargo', async () => {
    await using fixture = createFixture();
    rmSync(join(fixture.root, 'pretended/cargo'));
    const env = { PATH: join(fixture.root, 'pretended') };
    const { code, output } = await setUp(fixture, env);
    expect(code).toBe(0);
    expect(output).toContain('set-up: no cargo on PATH, the portable engine serves without the native core\n');
    expect(await setUp(fixture, env)).toMatchObject({ code: 0, output: '' });
  });

  it('that does not build is no failure: one line tells where to look, and it is not tried again', async () => {
    await using fixture = createFixture();
    const { code, output } = await setUp(fixture, { PRETEND_RUST_FAILURE: 'error: too old' });
    expect(code).toBe(0);
    expect(output).toContain('the native core does not build (see ');
    expect(fixture.read('native-deps/core/target/failed.log')).toContain('error: too old');
    expect(await setUp(fixture)).toMatchObject({ code: 0, output: '' });
    fixture.write('native-deps/core/src/lib.rs', '// mended');
    await setUp(fixture);
    expect(fixture.has(binary)).toBe(true);
  });
});

describe('two set-ups at once', () => {
  it('are one after the other: the second waits and finds the work done', async () => {
    await using fixture = createFixture();
    const first = fixture.start('setup', [], { PRETEND_SLOW: '1' });
    await expect.poll(() => fixture.npmCalls()).toHaveLength(1);
    const second = fixture.start('setup');
    await second.says(`waiting for the one of process ${first.child.pid}`);
    fixture.write('go-on', '');
    expect((await Promise.all([first.ended, second.ended])).map(({ code }) => code)).toEqual([0, 0]);
    expect(fixture.npmCalls()).toEqual(whole);
  });

  it.each([
    ['a process that is gone', { pid: 2 ** 30, startTime: '1' }],
    ['a process whose pid another has now', { pid: process.pid, startTime: '1' }],
    ['nobody that can be read', 'torn'],
  ])('take the lock over from %s, once', async (_, holder) => {
    await using fixture = createFixture();
    fixture.write(guard, typeof holder === 'string' ? holder : JSON.stringify(holder));
    const runs = [1, 2, 3, 4].map(() => fixture.start('setup').ended);
    expect((await Promise.all(runs)).map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(fixture.npmCalls()).toEqual(whole);
    expect(fixture.has(guard)).toBe(false);
  });

  it('wait for a living holder until it gives the lock back', async () => {
    await using fixture = createFixture();
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    fixture.write(guard, JSON.stringify({ pid: process.pid, startTime }));
    const run = fixture.start('setup');
    await run.says(`waiting for the one of process ${process.pid}`);
    expect(fixture.npmCalls()).toEqual([]);
    rmSync(join(fixture.root, guard));
    expect(await run.ended).toMatchObject({ code: 0 });
  });

  it('survive a holder killed at its work', async () => {
    await using fixture = createFixture();
    const run = fixture.start('setup', [], { PRETEND_SLOW: '1' });
    await expect.poll(() => fixture.npmCalls()).toHaveLength(1);
    run.child.kill('SIGKILL');
    await run.ended;
    expect(fixture.has(guard)).toBe(true);
    writeFileSync(join(fixture.root, 'go-on'), '');
    expect(await setUp(fixture)).toMatchObject({ code: 0 });
    expect(fixture.has(guard)).toBe(false);
  });
});
