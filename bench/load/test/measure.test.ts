import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program, STREAM_BYTES } from '../backends.ts';
import { layGround, type Ground } from '../ground.ts';
import { measureScenario } from '../measure.ts';
import type { Backend, Scenario } from '../model.ts';
import type { ScenarioResult } from '../results.ts';
import { mcProxy } from '../servers.ts';
import { compareAll } from '../statistics.ts';
import { scenario as addRoute } from '../scenarios/add-route.ts';
import { scenario as idle } from '../scenarios/l4-idle.ts';
import { scenario as stream } from '../scenarios/l4-stream.ts';
import { holdLoad, streamLoad } from '../tools/stream.ts';

const settings = { rounds: 2, seconds: 1, warmUpSeconds: 1, workers: 1, engine: 'native' } as const;
const never = new AbortController().signal;

let ground: Ground;
beforeAll(async () => {
  ground = await layGround();
});
afterAll(() => ground[Symbol.dispose]());

/** One stream a load: as little work as gives a figure. */
const shortLoad: Scenario['load'] = {
  needs: [],
  command: (site) => streamLoad(1, 'down').command(site, { seconds: 0, rate: null }),
};

/** Answers a hello like the backend of others, which may not be installed. */
const closingBackend: Backend = {
  about: '',
  needs: [],
  command: ({ port }) => program('hold-backend', String(port), 'close'),
};

/** The stream scenario needs nothing but this checkout. */
function measure(changes: Partial<Scenario>, progress: (line: string) => void = () => {}): Promise<ScenarioResult> {
  return measureScenario({ ...stream, ...changes }, { ground, installed: {}, settings, progress }, never);
}

describe('BE-1 a scenario', () => {
  it('is checked, warmed up, measured in rounds, and names the rivals it lacks', async () => {
    const progress: string[] = [];
    const result = await measure({ name: 'measured', load: shortLoad }, (line) => progress.push(line));
    expect(result).toMatchObject({ kind: 'measured', missing: ['haproxy', 'sniproxy'], dropped: [] });
    if (result.kind !== 'measured') return;
    expect(result.engine).toMatch(/^(native|portable)$/);
    expect(result.rounds).toHaveLength(2);
    for (const { ours } of result.rounds) {
      expect(ours?.units).toBe(STREAM_BYTES / 1e9);
      expect(ours?.cpuMs).toBeGreaterThan(0);
      expect(ours?.elapsedMs).toBeGreaterThan(0);
    }
    expect(progress[0]).toBe('measured: ours answers right, warming up');
    expect(progress.slice(1)).toMatchObject([/^measured: round 1 of 2, ours: /, /^measured: round 2 of 2, ours: /]);
  });

  it.each<[string, Partial<Scenario>, string]>([
    [
      'a wrong answer',
      { check: () => Promise.reject(new Error('body: 1 instead of 2')) },
      'ours: body: 1 instead of 2',
    ],
    [
      'errors under load',
      { count: () => ({ units: 9, errors: ['3 timeouts'] }) },
      'ours: errors under load: 3 timeouts',
    ],
    ['no work', { count: () => ({ units: 0, errors: [] }) }, 'ours: nothing to measure: 0 units'],
    [
      'a configuration that does not start',
      { ours: { server: mcProxy, config: () => 'nonsense = 1\n' } },
      'mc-proxy ended with exit code 78',
    ],
    ['a missing tool', { load: { ...stream.load, needs: ['wrk'] } }, 'needs wrk'],
  ])('fails by %s, and says so', async (title, changes, why) => {
    const load = { ...stream.load, command: () => ['true'] as const };
    const check = (): Promise<void> => Promise.resolve();
    const result = await measure({ name: `fails-by-${title.replaceAll(' ', '-')}`, load, check, ...changes });
    expect(result).toMatchObject({ kind: 'failed' });
    expect(result.kind === 'failed' && result.why).toContain(why);
  });

  it('goes on without a rival that fails, and compares with the others at the backend itself', async () => {
    const result = await measure({
      name: 'rivals',
      metric: 'latency',
      load: shortLoad,
      count: (output, site) => ({ ...stream.count(output, site), timedUs: output.length }),
      // Another server of ours stands for a rival, as servers are data.
      rivals: { twin: stream.ours, broken: { server: mcProxy, config: () => 'nonsense = 1\n' } },
    });
    expect(result).toMatchObject({ kind: 'measured', dropped: [{ name: 'broken' }] });
    if (result.kind !== 'measured') return;
    expect(Object.keys(result.rounds[0] ?? {})).toEqual(['direct', 'ours', 'twin']);
    expect(compareAll(result)).toMatchObject([{ against: 'twin', ratio: { median: expect.any(Number) as number } }]);
  });

  it('stops at once when it is interrupted', async () => {
    const abort = new AbortController();
    const deps = { ground, installed: {}, settings: { ...settings, seconds: 600 }, progress: () => abort.abort() };
    await expect(measureScenario({ ...stream, name: 'interrupted' }, deps, abort.signal)).rejects.toThrow('abort');
  });
});

describe('BE-7 memory', () => {
  it('is read while all connections are held open', async () => {
    const result = await measure({ ...idle, name: 'idle', load: holdLoad(40, 0.1) });
    expect(result).toMatchObject({ kind: 'measured', metric: 'memory', memoryAt: 10_000 });
    if (result.kind !== 'measured') return;
    expect(result.contenders[0]?.idleBytes).toBeGreaterThan(1024 ** 2);
    for (const { ours } of result.rounds) {
      expect(ours?.units).toBe(40);
      expect(ours?.memoryBytes).toBeGreaterThan(1024 ** 2);
    }
  });
});

describe('BE-6 sizes', () => {
  it('are measured side by side, with routes added until they are served', async () => {
    const scale = { what: 'routes', one: 'route', sizes: [2, 2000], memory: 'idle' } as const;
    const result = await measure({ ...addRoute, name: 'sizes', scale, backend: closingBackend });
    expect(result).toMatchObject({ kind: 'measured', contenders: [{ id: 'ours@2' }, { id: 'ours@2000' }] });
    if (result.kind !== 'measured') return;
    for (const round of result.rounds) {
      for (const id of ['ours@2', 'ours@2000']) expect(round[id]?.timedUs).toBeGreaterThan(0);
    }
  });
});
