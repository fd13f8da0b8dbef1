import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STREAM_BYTES } from '../backends.ts';
import { layGround, type Ground } from '../ground.ts';
import type { Installed } from '../installed.ts';
import { measureScenario } from '../measure.ts';
import type { Scenario, ScenarioResult } from '../model.ts';
import { scenario as stream } from '../scenarios/l4-stream.ts';

const nothing: Installed = { haproxy: null, nginx: null, 'nginx-stream': null, caddy: null, wrk: null, h2load: null };
const settings = { rounds: 2, seconds: 1, warmUpSeconds: 1, workers: 1 };
const never = new AbortController().signal;

let ground: Ground;
beforeAll(async () => {
  ground = await layGround();
});
afterAll(() => ground[Symbol.dispose]());

/** One stream a load: as little work as gives a figure. */
const shortLoad: Scenario['load'] = {
  needs: [],
  command: (site) => {
    const [program, client = '', port = '', hello = ''] = stream.load.command(site, 0);
    return [program, client, port, hello, '1', '0'];
  },
};

/** The stream scenario needs nothing but this checkout. */
function measure(changes: Partial<Scenario>, progress: (line: string) => void = () => {}): Promise<ScenarioResult> {
  return measureScenario({ ...stream, ...changes }, { ground, installed: nothing, settings, progress }, never);
}

describe('BE-1 a scenario', () => {
  it('is checked, warmed up, measured in rounds, and names the rival it lacks', async () => {
    const progress: string[] = [];
    const result = await measure({ name: 'measured', load: shortLoad }, (line) => progress.push(line));
    expect(result).toMatchObject({ kind: 'measured', missing: ['haproxy'] });
    if (result.kind !== 'measured') return;
    expect(result.engine).toMatch(/^(native|portable)$/);
    expect(result.rounds).toHaveLength(2);
    for (const { ours } of result.rounds) {
      expect(ours.units).toBe(STREAM_BYTES / 1e9);
      expect(ours.cpuMs).toBeGreaterThan(0);
      expect(ours.elapsedMs).toBeGreaterThan(0);
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
    ['a configuration that does not start', { ours: () => 'nonsense = 1\n' }, 'mc-proxy ended with exit code 78'],
    ['a missing tool', { load: { ...stream.load, needs: ['wrk'] } }, 'needs wrk'],
  ])('fails by %s, and says so', async (title, changes, why) => {
    const load = { ...stream.load, command: () => ['true'] as const };
    const check = (): Promise<void> => Promise.resolve();
    const result = await measure({ name: `fails-by-${title.replaceAll(' ', '-')}`, load, check, ...changes });
    expect(result).toMatchObject({ kind: 'failed' });
    expect(result.kind === 'failed' && result.why).toContain(why);
  });

  it('stops at once when it is interrupted', async () => {
    const abort = new AbortController();
    const deps = { ground, installed: nothing, settings: { ...settings, seconds: 600 }, progress: () => abort.abort() };
    await expect(measureScenario({ ...stream, name: 'interrupted' }, deps, abort.signal)).rejects.toThrow('abort');
  });
});
