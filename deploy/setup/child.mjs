import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { say } from './report.mjs';

/**
 * `interrupted`: this process was told to stop while the child ran.
 * @typedef {{ exitCode: number, interrupted: boolean }} Outcome
 */

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/**
 * npm passes on to us the very Ctrl-C that the terminal has sent us already. The same signal again within this time is that echo,
 * not a second request.
 */
const echoMs = 500;

/**
 * Runs one program to its end. It gets each signal that we get exactly once: it is started in a session of its own, where the
 * terminal's Ctrl-C does not reach it besides. Nothing of its process group outlives it, and where there is setpriv it is
 * told to stop when we are killed.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, stdio?: import('node:child_process').StdioOptions }} options
 * @returns {Promise<Outcome>} a child ended by signal n has exit code 128 + n, one that can't be started 127
 */
export function runChild(command, args, options = {}) {
  const [file, ...rest] = [...deathSignal(), command, ...args];
  return new Promise((resolve) => {
    const child = spawn(file, rest, { stdio: 'inherit', ...options, detached: true });
    let interrupted = false;
    const lastAtMs = new Map();
    const forward = (signal) => {
      const atMs = performance.now();
      if (atMs - (lastAtMs.get(signal) ?? -Infinity) < echoMs) return;
      lastAtMs.set(signal, atMs);
      interrupted = true;
      // The terminal is gone: the child has nothing to reload, it has to stop.
      child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
    };
    const settle = (exitCode) => {
      for (const signal of forwarded) process.removeListener(signal, forward);
      resolve({ exitCode, interrupted });
    };
    for (const signal of forwarded) process.on(signal, forward);
    child.once('error', (error) => {
      say(`cannot start ${command}: ${error.message}`);
      settle(127);
    });
    child.once('exit', (code, signal) => {
      endGroup(child.pid);
      settle(code ?? 128 + constants.signals[signal]);
    });
  });
}

function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

let deathSignalPrefix;

function deathSignal() {
  deathSignalPrefix ??=
    spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true'], { stdio: 'ignore' }).status === 0
      ? ['setpriv', '--pdeathsig', 'TERM', '--']
      : [];
  return deathSignalPrefix;
}
