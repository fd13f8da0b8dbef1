import { setTimeout as delay } from 'node:timers/promises';
import type { RunningContender } from './contenders.ts';
import { treeCpuMs } from './cpu.ts';
import { treeMemoryBytes } from './memory.ts';
import type { LoadRunSettings, Scenario } from './model.ts';
import { runLoad } from './processes.ts';
import type { Sample } from './results.ts';

/** What servers still do after a load has ended (closing connections) belongs to that load. */
const SETTLE_MS = 200;
/** Where in the time of a load memory is read. */
const MEMORY_AT = 0.7;

/**
 * One load on one server. CPU time is read before the load starts and after what it left behind is done; the time of the load is
 * the load's own. Rejects when the load or the server has errors;
 * that there was no work to count is for the caller to judge.
 */
export async function sampleLoad(
  scenario: Scenario,
  { site, server }: RunningContender,
  run: LoadRunSettings,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Sample> {
  const over = new AbortController();
  const loadSignal = AbortSignal.any([signal, over.signal]);
  let memoryBytes: number | null = null;
  const readMemory = (): void => {
    try {
      memoryBytes ??= treeMemoryBytes(server.pid);
    } catch {
      // The server has ended: its failure and the load's say more.
      memoryBytes = null;
    }
  };
  const timer = scenario.load.holds ? undefined : setTimeout(readMemory, run.seconds * 1000 * MEMORY_AT);
  const onOutput = scenario.load.holds ? readMemory : () => undefined;
  const beforeMs = treeCpuMs(server.pid);
  try {
    const command = scenario.load.command(site, run);
    const load = runLoad(command, { seconds: run.seconds, env, onOutput, signal: loadSignal });
    const { stdout, elapsedMs } = await Promise.race([load, server.failure]);
    readMemory();
    await delay(SETTLE_MS, undefined, { signal });
    const cpuMs = treeCpuMs(server.pid) - beforeMs;
    const { units, errors, timedUs = null } = scenario.count(stdout, site);
    if (errors.length > 0) throw new Error(`errors under load: ${errors.join('; ')}`);
    return { units, elapsedMs, cpuMs, memoryBytes: memoryBytes ?? 0, timedUs };
  } finally {
    clearTimeout(timer);
    // A load whose server is gone has nothing left to do.
    over.abort();
  }
}
