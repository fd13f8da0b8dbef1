import { stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

import { defineErrors } from '../errors/index.ts';
import type { SystemError } from '../errors/index.ts';

export const socketErrors = defineErrors('admin_socket', {
  socket_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  socket_missing: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  socket_refused: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  socket_denied: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  socket_in_use: { http: 409, grpc: 'ALREADY_EXISTS', retry: false },
});

/** `sun_path` of Linux holds 108 bytes with the closing NUL (unix(7)). */
export const socketPathMaxBytes = 107;

export type SocketState =
  | { readonly kind: 'live' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'dead'; readonly isSocket: boolean }
  | { readonly kind: 'denied' }
  | { readonly kind: 'failed'; readonly error: NodeJS.ErrnoException };

/** @throws SystemError `socket_invalid` when no Unix socket can have this path */
export function checkSocketPath(path: string): void {
  const sizeBytes = Buffer.byteLength(path);
  if (path === '' || path.includes('\0')) {
    throw socketErrors.error('socket_invalid', `${JSON.stringify(path)} is no path for a Unix socket`, { path });
  }
  if (sizeBytes <= socketPathMaxBytes) return;
  throw socketErrors.error(
    'socket_invalid',
    `the socket path ${path} has ${sizeBytes} bytes; the kernel allows ${socketPathMaxBytes}: choose a shorter directory`,
    { path, size_bytes: sizeBytes, max_bytes: socketPathMaxBytes },
  );
}

/** Finds out by connecting whether a process listens on the path. */
export async function probeSocket(path: string): Promise<SocketState> {
  const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    const socket = connect(path);
    socket.once('error', resolve);
    socket.once('connect', () => {
      socket.destroy();
      resolve(null);
    });
  });
  if (error === null) return { kind: 'live' };
  switch (error.code) {
    // A full backlog: somebody listens and is busy.
    case 'EAGAIN':
      return { kind: 'live' };
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'missing' };
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
      return { kind: 'dead', isSocket: (await statOrNull(path))?.isSocket() ?? true };
    case 'EACCES':
    case 'EPERM':
      return { kind: 'denied' };
    default:
      return { kind: 'failed', error };
  }
}

/** The error for a caller who wanted to use the socket, with what to do about it; null when somebody listens. */
export async function explainSocket(path: string): Promise<SystemError | null> {
  const state = await probeSocket(path);
  const details = { path };
  switch (state.kind) {
    case 'live':
      return null;
    case 'missing':
      return socketErrors.error(
        'socket_missing',
        `there is no socket at ${path}: start the server, or name the socket of [admin] in its configuration with --socket`,
        details,
      );
    case 'dead':
      return state.isSocket
        ? socketErrors.error(
            'socket_refused',
            `nobody listens on ${path}: its server is gone or not ready; start it, and look at its log when it does not stay up`,
            details,
          )
        : socketErrors.error('socket_invalid', `${path} is not a socket: name the right path with --socket`, details);
    case 'denied':
      return socketErrors.error('socket_denied', await explainDenied(path), details);
    case 'failed':
      return socketErrors.error('socket_refused', `cannot connect to ${path}: ${state.error.message}`, details, {
        cause: state.error,
      });
    default:
      return state satisfies never;
  }
}

async function explainDenied(path: string): Promise<string> {
  const uid = process.getuid?.() ?? -1;
  const info = await statOrNull(path);
  if (info === null) return `user ${uid} may not enter ${dirname(path)}: run as the server's user or join its group`;
  const mode = (info.mode & 0o7777).toString(8).padStart(4, '0');
  return `user ${uid} may not use ${path} (mode ${mode}, user ${info.uid}, group ${info.gid}): run as that user or join that group`;
}

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch {
    // Gone or not ours to see: callers word their message without it.
    return null;
  }
}
