import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../mcdsl/errors/index.ts';
import { treeCpuMs } from './cpu.ts';
import { cpu, rate } from './format.ts';
import { createSite, writeFiles, type Ground } from './ground.ts';
import { missingOf, type Installed } from './installed.ts';
import {
  RIVALS,
  type RivalName,
  type Round,
  type RunSettings,
  type Sample,
  type Scenario,
  type ScenarioResult,
  type ServerName,
  type Site,
} from './model.ts';
import { runLoad, startServer, type Server } from './processes.ts';
import { SERVER_KINDS } from './servers.ts';
import { figures } from './statistics.ts';

export interface MeasureDeps {
  readonly ground: Ground;
  readonly installed: Installed;
  readonly settings: RunSettings;
  /** One line on what goes on. */
  readonly progress: (line: string) => void;
}

/** A server that has been started, its answers checked. */
interface Contender {
  readonly name: ServerName;
  readonly site: Site;
  readonly server: Server;
}

/** What servers still do after a load has ended (closing connections) belongs to that load. */
const SETTLE_MS = 200;

/**
 * One scenario: backend, ours and the rivals that are installed, all up at once; checks of their answers; a load each to warm up;
 * then the rounds, in each every server under the same load, one after the other. Whatever goes wrong ends up in the result;
 * rejects only when the signal aborts.
 */
export async function measureScenario(
  scenario: Scenario,
  deps: MeasureDeps,
  signal: AbortSignal,
): Promise<ScenarioResult> {
  const wanted = RIVALS.filter((rival) => scenario.rivals[rival] !== undefined);
  const missing = missingOf(deps.installed, wanted);
  const { name, about, unit } = scenario;
  const head = { name, about, unit, backend: scenario.backend.about, missing };
  const lacking = missingOf(deps.installed, [...scenario.backend.needs, ...scenario.load.needs]);
  if (lacking.length > 0) return { ...head, kind: 'failed', why: `needs ${lacking.join(', ')}` };
  try {
    const rivals = wanted.filter((rival) => !missing.includes(rival));
    return { ...head, kind: 'measured', ...(await measureRounds(scenario, rivals, deps, signal)) };
  } catch (error) {
    signal.throwIfAborted();
    return { ...head, kind: 'failed', why: messageOf(error) };
  }
}

async function measureRounds(
  scenario: Scenario,
  rivals: readonly RivalName[],
  deps: MeasureDeps,
  signal: AbortSignal,
): Promise<{ engine: string; rounds: Round[] }> {
  const { settings, progress } = deps;
  await using stack = new AsyncDisposableStack();
  writeFiles(deps.ground, scenario);
  const backend = await startBackend(scenario, deps, signal);
  stack.use(backend.server);
  const contenders: Contender[] = [];
  for (const name of ['ours', ...rivals] as const) {
    const contender = await startContender(scenario, name, backend.port, deps, signal);
    stack.use(contender.server);
    contenders.push(contender);
  }
  const load = async (contender: Contender, seconds: number): Promise<Sample> => {
    const over = new AbortController();
    const loadSignal = AbortSignal.any([signal, over.signal]);
    try {
      const sample = sampleLoad(scenario, contender, seconds, deps, loadSignal);
      return await Promise.race([sample, contender.server.failure, backend.server.failure]);
    } finally {
      // A load whose server is gone has nothing left to do.
      over.abort();
    }
  };

  for (const contender of contenders) {
    await scenario.check(contender.site).catch(named(contender.name));
    progress(`${scenario.name}: ${contender.name} answers right, warming up`);
    await load(contender, settings.warmUpSeconds).catch(named(contender.name));
  }
  const rounds: Round[] = [];
  for (let number = 1; number <= settings.rounds; number++) {
    const samples: Partial<Record<ServerName, Sample>> = {};
    for (const contender of contenders) {
      const sample = await load(contender, settings.seconds).catch(named(contender.name));
      samples[contender.name] = sample;
      const one = figures([sample]);
      progress(
        `${scenario.name}: round ${number} of ${settings.rounds}, ${contender.name}: ${cpu(one, scenario.unit)} of CPU, ${rate(one, scenario.unit)}`,
      );
    }
    const { ours, ...others } = samples;
    if (ours !== undefined) rounds.push({ ours, ...others });
  }
  return { engine: contenders[0] === undefined ? 'unknown' : engineOf(contenders[0]), rounds };
}

async function startBackend(
  scenario: Scenario,
  { ground }: MeasureDeps,
  signal: AbortSignal,
): Promise<{ server: Server; port: number }> {
  const site = await createSite(ground, scenario, 'backend');
  const text = scenario.backend.config?.(site);
  const config = text === undefined ? '' : join(site.dir, 'config');
  if (text !== undefined) writeFileSync(config, text);
  const command = scenario.backend.command(site, config);
  return {
    server: await startServer({ command, port: site.port, logFile: join(site.dir, 'log'), signal }),
    port: site.port,
  };
}

async function startContender(
  scenario: Scenario,
  name: ServerName,
  backendPort: number,
  { ground, settings: { workers } }: MeasureDeps,
  signal: AbortSignal,
): Promise<Contender> {
  const site = await createSite(ground, scenario, name, { backendPort, workers });
  const kind = SERVER_KINDS[name];
  const config = name === 'ours' ? scenario.ours : scenario.rivals[name];
  if (config === undefined) throw new Error(`${scenario.name} has no configuration for ${name}`);
  const file = join(site.dir, kind.configName);
  writeFileSync(file, config(site));
  const server = await startServer({
    command: kind.run(file),
    port: site.port,
    logFile: join(site.dir, 'log'),
    env: kind.env(site.dir, workers),
    signal,
  });
  return { name, site, server };
}

/** CPU time is read before the load starts and after what it left behind is done; the time of the load is the load's own. */
async function sampleLoad(
  scenario: Scenario,
  { site, server }: Contender,
  seconds: number,
  { ground }: MeasureDeps,
  signal: AbortSignal,
): Promise<Sample> {
  const beforeMs = treeCpuMs(server.pid);
  const { stdout, elapsedMs } = await runLoad(scenario.load.command(site, seconds), seconds, ground.loadEnv, signal);
  await delay(SETTLE_MS, undefined, { signal });
  const cpuMs = treeCpuMs(server.pid) - beforeMs;
  const { units, errors } = scenario.count(stdout);
  if (errors.length > 0) throw new Error(`errors under load: ${errors.join('; ')}`);
  if (units <= 0 || cpuMs <= 0) throw new Error(`nothing to measure: ${units} units in ${cpuMs} ms of CPU time`);
  return { units, elapsedMs, cpuMs };
}

function named(name: ServerName): (error: unknown) => never {
  return (error) => {
    throw new Error(`${name}: ${messageOf(error)}`, { cause: error });
  };
}

/** From the log line that tells that the server is ready. */
function engineOf({ site }: Contender): string {
  return /"engine":"(\w+)"/.exec(readFileSync(join(site.dir, 'log'), 'utf8'))?.[1] ?? 'unknown';
}
