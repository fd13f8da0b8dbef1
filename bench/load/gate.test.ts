import { describe, expect, it } from 'vitest';
import { MS, readGates, shortfalls, type Gates } from './gate.ts';
import { loadScenarios } from './load-scenarios.ts';
import { formatShortfalls } from './report/text.ts';
import type { ScenarioResult } from './results.ts';
import { ITSELF } from './statistics.ts';
import { measured, sample } from './test/results.ts';

const gates: Gates = {
  relay: { haproxy: { gate: 1.25, goal: 0.85 } },
  web: { nginx: { gate: 3, goal: 1 }, caddy: { gate: 0.7, goal: 0.3 } },
  curve: { itself: { gate: 1.2, goal: 1 }, nginx: { gate: 2, goal: 1 } },
  change: { ms: { gate: 500, goal: 50 } },
};

describe('BE-2 gate', () => {
  it('lets a median at its gate pass, whatever single rounds were', () => {
    const rounds = [200, 125, 100].map((cpuMs) => ({ ours: sample(cpuMs), haproxy: sample(100) }));
    expect(shortfalls(gates, ['relay'], [measured(rounds, { name: 'relay' })])).toEqual([]);
  });

  it('stops a median above its gate, by the figure', () => {
    const rounds = [126, 130, 10].map((cpuMs) => ({ ours: sample(cpuMs), haproxy: sample(100) }));
    const behind = shortfalls(gates, ['relay'], [measured(rounds, { name: 'relay' })]);
    expect(behind).toMatchObject([{ scenario: 'relay', against: 'haproxy', gate: 1.25, found: 1.26 }]);
    expect(formatShortfalls(behind)).toMatch(/^FALLS BEHIND {2}AGAINST.*\nrelay\s+haproxy\s+1\.25\s+1\.26\s+more than/);
  });

  it('stops a scenario whose rival is missing or failed, but not for rivals that have no gate', () => {
    const rounds = [{ ours: sample(10), nginx: sample(100), haproxy: sample(1) }];
    const missing = { scenario: 'web', against: 'caddy', gate: 0.7, found: null };
    expect(shortfalls(gates, ['web'], [measured(rounds)])).toEqual([{ ...missing, why: 'caddy is missing' }]);
    const dropped = [{ name: 'caddy', why: 'no answer' }];
    expect(shortfalls(gates, ['web'], [measured(rounds, { dropped })])).toEqual([
      { ...missing, why: 'caddy failed: no answer' },
    ]);
  });

  it('stops a scenario that failed or does not exist, for each of its gates', () => {
    const { kind: _, ...head } = measured([]);
    const failed: ScenarioResult = { ...head, kind: 'failed', why: 'needs wrk' };
    expect(shortfalls(gates, ['relay', 'web'], [failed])).toMatchObject([
      { scenario: 'relay', against: 'haproxy', found: null, why: 'there is no such scenario' },
      { scenario: 'web', against: 'nginx', found: null, why: 'needs wrk' },
      { scenario: 'web', against: 'caddy', found: null, why: 'needs wrk' },
    ]);
  });

  it('holds a rival at every size, and itself at the largest', () => {
    const round = {
      'ours@1': sample(10),
      'nginx@1': sample(4),
      'ours@2': sample(13),
      'nginx@2': sample(13),
      'ours@3': sample(11),
      'nginx@3': sample(11),
    };
    const behind = shortfalls(gates, ['curve'], [measured([round], { name: 'curve' })]);
    expect(behind).toMatchObject([{ against: 'nginx', found: 2.5 }]);
  });

  it('holds what a load has timed in ms, at every size', () => {
    const timed = (ms: number) => sample(1, { timedUs: ms * 1000 });
    const result = (ms: number) =>
      measured([{ 'ours@1': timed(3), 'ours@2': timed(ms) }], { name: 'change', metric: 'time' });
    expect(shortfalls(gates, ['change'], [result(500)])).toEqual([]);
    expect(shortfalls(gates, ['change'], [result(501)])).toMatchObject([{ against: 'ms', found: 501 }]);
  });

  it('looks only at the named scenarios', () => {
    expect(shortfalls(gates, [], [])).toEqual([]);
  });

  it('has gates only for what scenarios can give, none easier to reach than its goal', async () => {
    const scenarios = await loadScenarios();
    for (const [name, limits] of Object.entries(readGates())) {
      const scenario = scenarios.find((candidate) => candidate.name === name);
      const possible = [
        ...Object.keys(scenario?.rivals ?? {}),
        ...(scenario?.scale ? [ITSELF] : []),
        ...(scenario?.metric === 'time' ? [MS] : []),
      ];
      expect(possible).toEqual(expect.arrayContaining(Object.keys(limits)));
      for (const { gate, goal } of Object.values(limits)) expect(goal).toBeLessThanOrEqual(gate);
    }
  });

  it('has a gate on every kind of work that a release of mc-proxy is held to', () => {
    expect(Object.keys(readGates())).toEqual(
      expect.arrayContaining([
        'l4-connection',
        'l4-stream',
        'l4-stream-up',
        'l4-idle',
        'l7-h1',
        'l7-h2',
        'l7-handshake',
        'l7-resumption',
        'l7-download',
        'l7-upload',
        'l7-latency',
        'refused-connection',
        'refused-country',
        'scale-routes',
        'add-route',
      ]),
    );
  });
});
