import { describe, expect, it } from 'vitest';
import { readGates, shortfalls, type Gates } from './gate.ts';
import { loadScenarios } from './load-scenarios.ts';
import type { Round, Sample, ScenarioResult } from './model.ts';
import { formatShortfalls } from './report.ts';

const gates: Gates = {
  relay: { haproxy: { cpu: { gate: 1.25, goal: 0.85 } } },
  web: { nginx: { cpu: { gate: 3, goal: 1 } }, caddy: { cpu: { gate: 0.7, goal: 0.3 } } },
};

const sample = (cpuMs: number): Sample => ({ units: 100, elapsedMs: 1000, cpuMs });
const head = (name: string) => ({ name, about: '', unit: 'request', backend: '', missing: [] });
const measured = (name: string, rounds: readonly Round[]): ScenarioResult => ({
  ...head(name),
  kind: 'measured',
  engine: 'portable',
  rounds,
});

describe('BE-2 gate', () => {
  it('lets a median at its gate pass, whatever single rounds were', () => {
    const rounds = [200, 125, 100].map((cpuMs) => ({ ours: sample(cpuMs), haproxy: sample(100) }));
    expect(shortfalls(gates, ['relay'], [measured('relay', rounds)])).toEqual([]);
  });

  it('stops a median above its gate, by the figure', () => {
    const rounds = [126, 130, 10].map((cpuMs) => ({ ours: sample(cpuMs), haproxy: sample(100) }));
    const behind = shortfalls(gates, ['relay'], [measured('relay', rounds)]);
    expect(behind).toMatchObject([{ scenario: 'relay', rival: 'haproxy', gate: 1.25, found: 1.26 }]);
    expect(formatShortfalls(behind)).toMatch(
      /^FALLS BEHIND {2}RIVAL.*\nrelay\s+haproxy\s+1\.25\s+1\.26\s+more CPU time/,
    );
  });

  it('stops a scenario whose rival is missing, but not for rivals that have no gate', () => {
    const rounds = [{ ours: sample(10), nginx: sample(100), haproxy: sample(1) }];
    expect(shortfalls(gates, ['web'], [measured('web', rounds)])).toEqual([
      { scenario: 'web', rival: 'caddy', gate: 0.7, found: null, why: 'caddy is missing' },
    ]);
  });

  it('stops a scenario that failed or does not exist, for each of its gates', () => {
    const failed: ScenarioResult = { ...head('web'), kind: 'failed', why: 'needs wrk' };
    expect(shortfalls(gates, ['relay', 'web'], [failed])).toMatchObject([
      { scenario: 'relay', rival: 'haproxy', found: null, why: 'there is no such scenario' },
      { scenario: 'web', rival: 'nginx', found: null, why: 'needs wrk' },
      { scenario: 'web', rival: 'caddy', found: null, why: 'needs wrk' },
    ]);
  });

  it('looks only at the named scenarios', () => {
    expect(shortfalls(gates, [], [])).toEqual([]);
  });

  it('has gates only for scenarios and rivals that there are, none easier to reach than its goal', async () => {
    const scenarios = await loadScenarios();
    for (const [name, rivals] of Object.entries(readGates())) {
      const scenario = scenarios.find((candidate) => candidate.name === name);
      expect(Object.keys(scenario?.rivals ?? {})).toEqual(expect.arrayContaining(Object.keys(rivals)));
      for (const { cpu } of Object.values(rivals)) expect(cpu.goal).toBeLessThanOrEqual(cpu.gate);
    }
  });
});
