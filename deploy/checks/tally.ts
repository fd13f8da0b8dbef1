import { writeFileSync } from 'node:fs';
import type { Reporter } from 'vitest/node';

/**
 * How many tests ended how. A file that could not be loaded and an error outside of every test count as one failure each: no run
 * with a fault has `failed: 0`.
 */
export type Tally = { passed: number; failed: number; skipped: number };

export type TallyReporterOptions = {
  /** Receives the tally as JSON; by default the file that $MC_TALLY_FILE names, if it names one. */
  readonly file?: string | undefined;
  readonly write?: (text: string) => void;
};

/** A vitest reporter that names each skipped test with its reason and writes the tally for `.ci/run`. */
export function createTallyReporter(options: TallyReporterOptions = {}): Reporter {
  const file = options.file ?? process.env['MC_TALLY_FILE'];
  const write = options.write ?? ((text) => process.stdout.write(text));
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const tally: Tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
      const skipped: string[] = [];
      for (const module of modules) {
        let failedInModule = 0;
        for (const test of module.children.allTests()) {
          const result = test.result();
          if (result.state === 'passed') tally.passed += 1;
          if (result.state === 'failed') failedInModule += 1;
          if (result.state !== 'skipped') continue;
          tally.skipped += 1;
          const note = result.note === undefined ? '' : ` (${result.note})`;
          skipped.push(`  ${module.relativeModuleId} > ${test.fullName}${note}\n`);
        }
        // A hook or an import that fails leaves tests that never ran.
        if (failedInModule === 0 && !module.ok()) failedInModule = 1;
        tally.failed += failedInModule;
      }
      if (skipped.length > 0) write(`\nskipped ${skipped.length}:\n${skipped.join('')}`);
      if (file !== undefined) writeFileSync(file, JSON.stringify(tally));
    },
  };
}
