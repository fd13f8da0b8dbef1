import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import { checkout as thisCheckout } from './checkout.mjs';
import { acquireLock } from './lock.mjs';
import { say, SetupError } from './report.mjs';
import { fingerprint, readStamp, writeStamp } from './stamp.mjs';
import { steps as allSteps } from './steps.mjs';

/**
 * Brings the checkout to where every task can run. Does nothing, and needs no network and no write access, when all is done
 * already. Two at once are one after the other; the second finds the work done.
 *
 * @param {ReturnType<typeof import('./checkout.mjs').checkoutAt>} checkout
 * @param {readonly import('./steps.mjs').Step[]} steps
 * @returns {Promise<string[]>} the names of the steps that were run
 */
export async function setUp(checkout = thisCheckout, steps = allSteps) {
  if (pending(checkout, steps).length === 0) return [];
  prepare(checkout);
  const release = await acquireLock(checkout.guard, (pid) => say(`set-up: waiting for the one of process ${pid}`));
  try {
    return await runPending(checkout, steps);
  } finally {
    release();
  }
}

async function runPending(checkout, steps) {
  const done = [];
  for (const step of steps) {
    if (pending(checkout, [step]).length === 0) continue;
    if (done.length === 0) rmSync(checkout.log, { force: true });
    say(`set-up: ${step.doing(checkout)}`);
    await step.run(checkout);
    writeStamp(checkout.stamp, { ...readStamp(checkout.stamp), [step.name]: fingerprint(step.inputs(checkout)) });
    done.push(step.name);
  }
  return done;
}

function pending(checkout, steps) {
  const stamp = readStamp(checkout.stamp);
  return steps.filter((step) => stamp[step.name] !== fingerprint(step.inputs(checkout)) || !step.isWhole(checkout));
}

function prepare(checkout) {
  try {
    mkdirSync(checkout.modules, { recursive: true });
    accessSync(checkout.modules, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new SetupError(
      `set-up: ${checkout.modules} cannot be written (${error.code}) and is not up to date. Run \`npm run setup\` as the owner of the checkout.`,
    );
  }
}
