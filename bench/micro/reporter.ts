import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';
import type { MicroFigure, MicroRun } from './model.ts';

type Benchmarks = NonNullable<Reporter['onTestCaseBenchmark']>;

/** Writes what was measured to $MC_MICRO_FILE. */
class MicroReporter implements Reporter {
  readonly #figures: MicroFigure[] = [];
  readonly #broken: string[] = [];
  #root = '';

  onInit({ config }: Vitest): void {
    this.#root = config.root;
  }

  onTestCaseBenchmark(testCase: TestCase, { tasks }: Parameters<Benchmarks>[1]): void {
    for (const { name, latency } of tasks) {
      this.#figures.push({ file: this.#fileOf(testCase.module), name, us: latency.p50 * 1000 });
    }
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) if (!module.ok()) this.#broken.push(this.#fileOf(module));
    const run: MicroRun = { figures: this.#figures, broken: this.#broken };
    const file = process.env['MC_MICRO_FILE'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(run));
  }

  #fileOf({ moduleId }: TestModule): string {
    return relative(this.#root, moduleId);
  }
}

// oxlint-disable-next-line import/no-default-export -- vitest asks a reporter's module for it
export default MicroReporter;
