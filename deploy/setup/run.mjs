import { delimiter, join } from 'node:path';
import { checkout } from './checkout.mjs';
import { runChild } from './child.mjs';
import { report, say, SetupError } from './report.mjs';
import { setUp } from './set-up.mjs';
import { tasks } from './tasks.mjs';

const usageExitCode = 64;
const interruptedExitCode = 130;

try {
  const [name = '', ...args] = process.argv.slice(2);
  const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
  if (task === undefined) {
    throw new SetupError(`usage: npm run ${Object.keys(tasks).join('|')} [-- ARGUMENTS]`, usageExitCode);
  }
  await setUp();
  process.exitCode = await runSteps(task(args));
} catch (error) {
  process.exitCode = report(error);
}

/** Every step runs, also after one that failed: all that is wrong is seen at once. An interruption ends the task. */
async function runSteps(steps) {
  const env = { ...process.env, PATH: [checkout.binaries, process.env.PATH].filter(Boolean).join(delimiter) };
  const failed = [];
  for (const { name, command } of steps) {
    const [file, ...args] = command;
    if (steps.length > 1) say(`== ${name}`);
    const { exitCode, interrupted } = await runChild(file.includes('/') ? join(checkout.root, file) : file, args, {
      cwd: checkout.root,
      env,
    });
    if (steps.length === 1) return exitCode;
    if (interrupted) return exitCode || interruptedExitCode;
    if (exitCode !== 0) failed.push(name);
  }
  if (failed.length === 0) return 0;
  say(`failed: ${failed.join(', ')}`);
  return 1;
}
