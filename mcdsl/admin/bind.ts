import { once } from 'node:events';
import { linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { chmod, chown, link, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { dirname, join, resolve } from 'node:path';

import { checkSocketPath, probeSocket, socketErrors } from '../grpc/index.ts';
import type { Logger } from '../logging/index.ts';
import { groupId } from './group.ts';

export type BindOptions = {
  readonly path: string;
  /** Permission bits, such as 0o660. */
  readonly mode: number;
  /** Name or number of the group that may connect; empty: the process's own. */
  readonly group: string;
  /** What to do when another process listens there: `replace` takes the path over while that one keeps its connections. */
  readonly whenLive: 'refuse' | 'replace';
  readonly maxConnections: number;
  readonly logger: Logger;
};

type Identity = { readonly dev: number; readonly ino: number };

export type BoundSocket = {
  readonly path: string;
  /** Removes the path if it is still ours, and accepts nothing more. Connections stay. */
  release(): void;
};

/**
 * Listens on a Unix socket that appears under its path complete: bound in a private directory beside it, given mode and
 * group, then linked into place, which of two processes starting at once lets exactly one win. The socket of a process
 * that is gone is removed.
 * @throws SystemError `socket_in_use`, `socket_invalid`, `socket_denied`
 */
export async function bindUnixSocket(options: BindOptions, accept: (socket: Socket) => void): Promise<BoundSocket> {
  const path = resolve(options.path);
  checkSocketPath(path);
  await examineSocket(path, options.whenLive);
  const scratch = await makeScratch(path);
  const server = createServer(accept);
  server.maxConnections = options.maxConnections;
  try {
    const own = join(scratch, 's');
    checkSocketPath(own);
    await listen(server, own);
    // Running out of descriptors must not end the process; accepting goes on when there are some again.
    server.on('error', (err) => options.logger.error('admin socket cannot accept a connection', { err, path }));
    server.on('drop', () => options.logger.warn('admin connection refused: too many', { max: options.maxConnections }));
    await setAccess(own, path, options);
    const identity = await lstat(own);
    if (options.whenLive === 'replace') await rename(own, path);
    else await linkIntoPlace(own, path, scratch);
    return { path, release: () => release(server, path, identity) };
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Refuses what must not be replaced: a live socket unless told to, and anything that is no socket. A server asks this before it
 * opens anything else, so that one started by mistake beside a running one takes none of its traffic.
 * @throws SystemError `socket_in_use`, `socket_invalid`, `socket_denied`
 */
export async function examineSocket(path: string, whenLive: BindOptions['whenLive']): Promise<void> {
  const state = await probeSocket(path);
  switch (state.kind) {
    case 'missing':
      return;
    case 'live':
      if (whenLive === 'replace') return;
      throw socketErrors.error(
        'socket_in_use',
        `another process listens on ${path}: stop it first, or give this one another [admin] socket`,
        { path },
      );
    case 'dead':
      if (state.isSocket) return;
      throw socketErrors.error('socket_invalid', `${path} is there and is not a socket: move it away`, { path });
    case 'denied':
      throw socketErrors.error('socket_denied', `${path} belongs to another user: remove it, or run as that user`, {
        path,
      });
    case 'failed':
      throw socketErrors.error('socket_invalid', `cannot examine ${path}: ${state.error.message}`, { path });
    default:
      return state satisfies never;
  }
}

async function makeScratch(path: string): Promise<string> {
  const folder = dirname(path);
  try {
    // Not `join`, which would drop the dot and make the directory beside the folder instead of in it.
    return await mkdtemp(`${folder}/.`);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what =
      code === 'ENOENT' || code === 'ENOTDIR'
        ? `the directory ${folder} of the admin socket does not exist: create it`
        : `the admin socket cannot be made in ${folder}: ${message}`;
    throw socketErrors.error('socket_invalid', what, { path }, { cause });
  }
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
}

async function setAccess(own: string, path: string, options: BindOptions): Promise<void> {
  const { group, logger } = options;
  await chmod(own, options.mode);
  if (group === '') return;
  const gid = await groupId(group);
  if (gid === null) {
    logger.warn('admin socket: there is no such group; its group stays as it is', { group, path });
    return;
  }
  try {
    await chown(own, -1, gid);
  } catch (err) {
    // The socket still serves its own user, which beats a server that does not start.
    logger.warn('admin socket: the group cannot be set; is the service user a member of it?', { group, path, err });
  }
}

/** Fails rather than replaces: of two processes at this point one gets the path and the other learns of it. */
async function linkIntoPlace(own: string, path: string, scratch: string): Promise<void> {
  for (;;) {
    try {
      await link(own, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await examineSocket(path, 'refuse');
    await removeDead(path, join(scratch, 'stale'));
  }
}

/** Moves the socket out of sight before the last look, so that one which came to life in between is put back unharmed. */
async function removeDead(path: string, aside: string): Promise<void> {
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const state = await probeSocket(aside);
  if (state.kind === 'live') await link(aside, path);
  await unlink(aside);
}

function release(server: Server, path: string, own: Identity): void {
  try {
    // Before closing: while we listen, the kernel cannot give our inode number to another process's socket.
    removeOwn(path, own);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    server.close();
  }
}

/** A successor may put its socket there between the look and the removal: what was moved by mistake is put back. */
function removeOwn(path: string, own: Identity): void {
  if (!isOwn(path, own)) return;
  const aside = `${path}.${process.pid}`;
  renameSync(path, aside);
  try {
    if (!isOwn(aside, own)) linkSync(aside, path);
  } catch (error) {
    // An even newer one is there.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(aside);
  }
}

function isOwn(path: string, own: Identity): boolean {
  const { dev, ino } = lstatSync(path);
  return dev === own.dev && ino === own.ino;
}
