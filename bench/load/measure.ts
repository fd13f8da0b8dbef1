import { messageOf } from '../../mcdsl/errors/index.ts';
import {
  directContender,
  engineOf,
  startBackend,
  startContender,
  type RunningBackend,
  type RunningContender,
} from './contenders.ts';
import { formatFigures } from './format.ts';
import { writeFiles, type Ground } from './ground.ts';
import { missingOf, type Installed } from './installed.ts';
import { treeMemoryBytes } from './memory.ts';
import type { Contestant, LoadRunSettings, Scenario } from './model.ts';
import type {
  ContenderResult,
  MeasuredScenario,
  ResultHead,
  Round,
  RunSettings,
  Sample,
  ScenarioResult,
} from './results.ts';
import { sampleLoad } from './sample.ts';
import { unitsPerSecond } from './statistics.ts';

export interface MeasureDeps {
  readonly ground: Ground;
  readonly installed: Installed;
  readonly settings: RunSettings;
  /** One line on what goes on. */
  readonly progress: (line: string) => void;
}

/**
 * One scenario: backend, ours and the rivals that are installed, at each size, all up at once; checks of their answers; a load each
 * to warm up; then the rounds, in each every server under the same load, one after the other. A rival that fails takes no part from
 * then on; whatever else goes wrong ends up in the result. Rejects only when the signal aborts.
 */
export async function measureScenario(
  scenario: Scenario,
  deps: MeasureDeps,
  signal: AbortSignal,
): Promise<ScenarioResult> {
  const rivals = Object.entries(scenario.rivals);
  const missing = rivals.flatMap(([name, { server }]) =>
    missingOf(deps.installed, server.needs).length > 0 ? [name] : [],
  );
  const head: ResultHead = {
    name: scenario.name,
    about: scenario.about,
    unit: scenario.unit,
    metric: scenario.metric,
    memoryAt: scenario.memoryAt ?? null,
    scale: scenario.scale ?? null,
    backend: scenario.backend?.about ?? null,
    missing,
  };
  const needs = [...(scenario.backend?.needs ?? []), ...scenario.ours.server.needs, ...scenario.load.needs];
  const lacking = missingOf(deps.installed, needs);
  if (lacking.length > 0) return { ...head, kind: 'failed', why: `needs ${lacking.join(', ')}` };
  try {
    const present = rivals.filter(([name]) => !missing.includes(name));
    return { ...head, kind: 'measured', ...(await measureRounds(scenario, present, deps, signal)) };
  } catch (error) {
    signal.throwIfAborted();
    return { ...head, kind: 'failed', why: messageOf(error) };
  }
}

type Measured = Pick<MeasuredScenario, 'engine' | 'contenders' | 'rounds' | 'dropped'>;

async function measureRounds(
  scenario: Scenario,
  rivals: readonly (readonly [string, Contestant])[],
  deps: MeasureDeps,
  signal: AbortSignal,
): Promise<Measured> {
  const { settings, progress, ground } = deps;
  await using stack = new AsyncDisposableStack();
  await writeFiles(ground, scenario);
  const backend = await startBackend(scenario, deps, signal);
  if (backend !== null) stack.use(backend.server);
  const field = new Field(scenario, backend, signal);

  for (const size of scenario.scale?.sizes ?? [0]) {
    if (scenario.metric === 'latency' && backend !== null) {
      field.enter(await directContender(scenario, size, backend, deps));
    }
    for (const [name, contestant] of [['ours', scenario.ours] as const, ...rivals]) {
      await field.attempt(name, async () => {
        const contender = await startContender(scenario, { name, size, contestant }, backend?.port ?? 0, deps, signal);
        stack.use(contender.server);
        field.enter(contender);
      });
    }
  }
  const flatOut = { seconds: settings.warmUpSeconds, rate: null };
  const rates: number[] = [];
  for (const contender of field.contenders()) {
    await field.attempt(contender.name, async () => {
      await scenario.check(contender.site);
      progress(`${scenario.name}: ${contender.id} answers right, warming up`);
      const sample = await field.load(contender, flatOut, deps);
      if (contender.name !== 'direct') rates.push(unitsPerSecond(sample));
    });
  }
  const rate = scenario.load.pace === 'half' ? Math.max(1, Math.floor(Math.min(...rates) / 2)) : null;
  const rounds: Round[] = [];
  for (let number = 1; number <= settings.rounds; number++) {
    const samples: Record<string, Sample> = {};
    for (const contender of field.contenders()) {
      await field.attempt(contender.name, async () => {
        const sample = await field.load(contender, { seconds: settings.seconds, rate }, deps);
        expectWork(scenario, sample);
        samples[contender.id] = sample;
        progress(
          `${scenario.name}: round ${number} of ${settings.rounds}, ${contender.id}: ${formatFigures(sample, scenario.unit)}`,
        );
      });
    }
    rounds.push(samples);
  }
  return field.result(rounds);
}

/** A warm-up may be too short for a first unit; a round without one tells nothing. */
function expectWork({ metric }: Scenario, { units, cpuMs }: Sample): void {
  if (units > 0 && (metric !== 'cpu' || cpuMs > 0)) return;
  throw new Error(`nothing to measure: ${units} units in ${cpuMs} ms of CPU time`);
}

/** Who takes part. */
class Field {
  readonly #scenario: Scenario;
  readonly #backend: RunningBackend | null;
  readonly #signal: AbortSignal;
  readonly #running: { readonly contender: RunningContender; readonly idleBytes: number }[] = [];
  readonly #dropped = new Map<string, string>();

  constructor(scenario: Scenario, backend: RunningBackend | null, signal: AbortSignal) {
    this.#scenario = scenario;
    this.#backend = backend;
    this.#signal = signal;
  }

  /** Memory is read before the first load. */
  enter(contender: RunningContender): void {
    this.#running.push({ contender, idleBytes: treeMemoryBytes(contender.server.pid) });
  }

  contenders(): RunningContender[] {
    return this.#running.map(({ contender }) => contender).filter(({ name }) => !this.#dropped.has(name));
  }

  /** Work on a contender. Rejects when it fails for ours, or because the backend is gone; drops a rival, at all its sizes. */
  async attempt(name: string, work: () => Promise<void>): Promise<void> {
    if (this.#dropped.has(name)) return;
    try {
      await work();
    } catch (error) {
      this.#signal.throwIfAborted();
      const why = `${name}: ${messageOf(error)}`;
      if (name === 'ours' || name === 'direct' || this.#backend?.server.ended()) throw new Error(why, { cause: error });
      this.#dropped.set(name, messageOf(error));
    }
  }

  async load(contender: RunningContender, run: LoadRunSettings, { ground }: MeasureDeps): Promise<Sample> {
    const sample = sampleLoad(this.#scenario, contender, run, ground.loadEnv, this.#signal);
    return this.#backend === null ? sample : Promise.race([sample, this.#backend.server.failure]);
  }

  result(rounds: readonly Round[]): Measured {
    const left = this.#running.filter(({ contender: { name } }) => !this.#dropped.has(name));
    const contenders = left.map(({ contender: { id, name, size, server }, idleBytes }): ContenderResult => ({
      id,
      name,
      size,
      idleBytes,
      afterBytes: treeMemoryBytes(server.pid),
    }));
    const ours = left.find(({ contender: { name } }) => name === 'ours')?.contender;
    const dropped = [...this.#dropped].map(([name, why]) => ({ name, why }));
    return { engine: ours === undefined ? 'unknown' : engineOf(ours), contenders, rounds, dropped };
  }
}
