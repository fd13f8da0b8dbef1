import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { runChild } from './child.mjs';
import { say, SetupError } from './report.mjs';

/** @typedef {ReturnType<typeof import('./checkout.mjs').checkoutAt>} Checkout */

/**
 * Builds `native-deps/core` where there is cargo. Everything works without it, only slower, so neither a machine without cargo nor a
 * build that fails is an error: one line says so, and it is tried again when the sources or cargo are others.
 *
 * @type {import('./steps.mjs').Step}
 */
export const nativeCore = {
  name: 'native core',
  doing: (checkout) =>
    canBuild(checkout)
      ? 'building the native core'
      : 'no cargo on PATH, the portable engine serves without the native core',
  inputs: (checkout) => [process.platform, process.arch, cargoVersion(), ...sources(checkout.core)],
  isWhole: (checkout) => !canBuild(checkout) || existsSync(checkout.coreBinary) || existsSync(checkout.coreFailure),
  async run(checkout) {
    rmSync(checkout.coreFailure, { force: true });
    rmSync(checkout.coreBinary, { force: true });
    if (!canBuild(checkout)) return;
    const exitCode = await cargoBuild(checkout);
    if (exitCode === 0) install(checkout);
    else say(`set-up: the native core does not build (see ${checkout.coreFailure}), the portable engine serves`);
  },
};

/** The core is for Linux: it stands on epoll and splice. */
export function canBuild(checkout) {
  return process.platform === 'linux' && cargoVersion() !== '' && existsSync(join(checkout.core, 'Cargo.toml'));
}

let version;

/** Empty: no cargo that runs. */
function cargoVersion() {
  version ??= spawnSync('cargo', ['--version'], { encoding: 'utf8' }).stdout ?? '';
  return version;
}

/** Names and texts of what the binary is made of. */
function sources(core) {
  const files = ['Cargo.toml', 'Cargo.lock', 'build.rs', ...list(join(core, 'src')).map((name) => join('src', name))];
  return files
    .filter((file) => existsSync(join(core, file)))
    .flatMap((file) => [file, readFileSync(join(core, file), 'utf8')]);
}

function list(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.rs'))
    .sort();
}

async function cargoBuild(checkout) {
  mkdirSync(dirname(checkout.coreBinary), { recursive: true });
  const log = openSync(checkout.log, 'a');
  try {
    const { exitCode, interrupted } = await runChild('cargo', ['build', '--release', '--locked'], {
      cwd: checkout.core,
      stdio: ['ignore', log, log],
    });
    if (interrupted) throw new SetupError('set-up: interrupted', exitCode || 130);
    if (exitCode !== 0) copyFileSync(checkout.log, checkout.coreFailure);
    return exitCode;
  } finally {
    closeSync(log);
  }
}

/** By a new file of that name: a process that runs keeps the one that it mapped. */
function install({ core, coreBinary }) {
  const draft = `${coreBinary}.${process.pid}`;
  copyFileSync(join(core, 'target/release/libmetacircular_core.so'), draft);
  renameSync(draft, coreBinary);
}
