import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { basename, delimiter, dirname } from 'node:path';
import { runChild } from './child.mjs';
import { SetupError } from './report.mjs';

const unreachable =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b/;
const shownLines = 40;

/**
 * Runs npm quietly in the checkout; what it writes goes to the log file, whose end is shown when npm fails.
 *
 * @param {ReturnType<typeof import('./checkout.mjs').checkoutAt>} checkout
 * @param {readonly string[]} args
 * @param {string} node the Node that runs npm
 */
export async function npm(checkout, args, node = startingNode()) {
  const log = openSync(checkout.log, 'a');
  writeSync(log, `$ npm ${args.join(' ')}\n`);
  try {
    const [command, ...first] = npmCommand(node);
    const outcome = await runChild(command, [...first, ...args], {
      cwd: checkout.root,
      env: { ...process.env, ...quickRetries, PATH: [dirname(node), process.env.PATH].filter(Boolean).join(delimiter) },
      stdio: ['ignore', log, log],
    });
    if (outcome.interrupted) throw new SetupError('set-up: interrupted', outcome.exitCode || 130);
    if (outcome.exitCode !== 0) throw new SetupError(failure(checkout, args));
  } finally {
    closeSync(log);
  }
}

/** Through the environment, so that the npm which the package `node` starts obeys too: offline is known in seconds, not minutes. */
const quickRetries = {
  npm_config_fetch_retries: '3',
  npm_config_fetch_retry_mintimeout: '1000',
  npm_config_fetch_retry_maxtimeout: '5000',
  npm_config_update_notifier: 'false',
};

/** The machine's own Node where npm tells it: the one that runs us may be the checkout's, which an installation may replace. */
function startingNode() {
  return process.env['npm_node_execpath'] ?? process.execPath;
}

/** The npm that runs us; else the one on PATH. Other package managers set the same variable. */
function npmCommand(node) {
  const script = process.env['npm_execpath'];
  return script !== undefined && basename(script) === 'npm-cli.js' ? [node, script] : ['npm'];
}

function failure(checkout, args) {
  const lines = readFileSync(checkout.log, 'utf8').trimEnd().split('\n');
  const shown = lines.slice(-shownLines).join('\n');
  const head = `set-up: \`npm ${args.join(' ')}\` failed; the end of ${checkout.log}:\n${shown}\n`;
  return unreachable.test(shown)
    ? `${head}set-up: the package registry cannot be reached and this checkout is not set up yet. Connect the machine and run \`npm run setup\` once; afterwards no network is needed.`
    : `${head}set-up: mend what it names and run \`npm run setup\` again.`;
}
