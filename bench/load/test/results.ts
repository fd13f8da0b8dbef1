import { contenderId, type ContenderResult, type MeasuredScenario, type Round, type Sample } from '../results.ts';

/** Results as a run gives them, for tests of what is made of them. */

export function sample(cpuMs: number, changes: Partial<Sample> = {}): Sample {
  return { units: 100, elapsedMs: 1000, cpuMs, memoryBytes: 0, timedUs: null, ...changes };
}

export function contender(name: string, size = 0, changes: Partial<ContenderResult> = {}): ContenderResult {
  return { id: contenderId(name, size), name, size, idleBytes: 0, afterBytes: 0, ...changes };
}

/** With a contender for each sample of the first round; ours first. */
export function measured(rounds: readonly Round[], changes: Partial<MeasuredScenario> = {}): MeasuredScenario {
  return {
    name: 'web',
    about: 'requests',
    unit: 'request',
    metric: 'cpu',
    memoryAt: null,
    scale: null,
    backend: 'a small one',
    missing: [],
    kind: 'measured',
    engine: 'native',
    contenders: Object.keys(rounds[0] ?? {}).map((id) => {
      const [name = '', size = '0'] = id.split('@');
      return contender(name, Number(size));
    }),
    rounds,
    dropped: [],
    ...changes,
  };
}
