import type { Machine } from '../machine.ts';
import type { RunSettings, ScenarioResult } from '../results.ts';

/** Everything about one run; `--json` writes it as it is. */
export interface BenchRun {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  readonly settings: RunSettings;
  /** Of our own and of whatever took part or gave the load. */
  readonly versions: Readonly<Record<string, string | null>>;
  readonly results: readonly ScenarioResult[];
}
