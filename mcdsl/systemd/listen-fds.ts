import { fstatSync } from 'node:fs';

import { systemdErrors } from './errors.ts';

/** Sockets passed by the service manager, by the name of their unit's `FileDescriptorName=`. */
export type PassedSockets = ReadonlyMap<string, readonly number[]>;

type Env = Record<string, string | undefined>;

const firstFd = 3;
// More than any unit passes; keeps a nonsense number from becoming a loop.
const maxFds = 1024;
const variables = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'] as const;

/**
 * Reads `LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES` (sd_listen_fds(3)). Empty when nothing was passed, or it was passed
 * to another process. A socket without a name is called `unknown`, as systemd does.
 * @throws SystemError `activation_invalid` when the variables contradict each other
 */
export function parseListenFds(env: Readonly<Env>, pid: number): PassedSockets {
  const { LISTEN_PID: pidText, LISTEN_FDS: countText, LISTEN_FDNAMES: namesText } = env;
  if (pidText === undefined && countText === undefined) return new Map();
  if (pidText === undefined || countText === undefined) {
    throw systemdErrors.error(
      'activation_invalid',
      `socket activation: ${pidText === undefined ? 'LISTEN_PID' : 'LISTEN_FDS'} is missing beside the other variables`,
    );
  }
  if (number('LISTEN_PID', pidText, 2 ** 22) !== pid) return new Map();
  const count = number('LISTEN_FDS', countText, maxFds);
  const names = namesText === undefined ? Array<string>(count).fill('unknown') : splitNames(namesText, count);
  const sockets = new Map<string, number[]>();
  for (const [i, name] of names.entries()) {
    const fds = sockets.get(name) ?? [];
    fds.push(firstFd + i);
    sockets.set(name, fds);
  }
  return sockets;
}

/**
 * Takes the sockets passed to this process: checks that each is one, and removes the variables so that no child takes
 * them for its own.
 * @throws SystemError `activation_invalid`
 */
export function takeListenFds(env: Env = process.env): PassedSockets {
  const sockets = parseListenFds(env, process.pid);
  for (const [name, fds] of sockets) for (const fd of fds) checkSocket(name, fd);
  for (const variable of variables) delete env[variable];
  return sockets;
}

function number(variable: string, text: string, max: number): number {
  const value = /^(0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : NaN;
  if (value <= max) return value;
  throw systemdErrors.error(
    'activation_invalid',
    `socket activation: ${variable}=${JSON.stringify(text.slice(0, 40))} is no number up to ${max}`,
  );
}

/** Names are printable ASCII without colons, 255 characters at most, possibly empty (systemd.socket(5)). */
function splitNames(text: string, count: number): string[] {
  const names = count === 0 && text === '' ? [] : text.split(':');
  if (names.length !== count) {
    throw systemdErrors.error(
      'activation_invalid',
      `socket activation: LISTEN_FDNAMES has ${names.length} names for ${count} sockets`,
    );
  }
  for (const name of names) {
    if (/^[\x20-\x7e]{0,255}$/.test(name)) continue;
    throw systemdErrors.error(
      'activation_invalid',
      `socket activation: LISTEN_FDNAMES has the impossible name ${JSON.stringify(name.slice(0, 40))}`,
    );
  }
  return names.map((name) => (name === '' ? 'unknown' : name));
}

function checkSocket(name: string, fd: number): void {
  let problem = 'is not a socket';
  try {
    if (fstatSync(fd).isSocket()) return;
  } catch (error) {
    problem = `cannot be used (${(error as Error).message})`;
  }
  throw systemdErrors.error('activation_invalid', `socket activation: descriptor ${fd} (${name}) ${problem}`, {
    fd,
    name,
  });
}
