import { Socket } from 'node:net';

/**
 * A socket on a descriptor that is ours from now on, paused, and closed when its peer ends. A descriptor that isn't there (the
 * connection is gone) gives a socket that is destroyed.
 */
export function adoptSocket(fd: number): Socket {
  if (fd < 0) return new Socket().destroy();
  return new Socket({ fd, readable: true, writable: true, allowHalfOpen: false, manualStart: true } as AdoptOptions);
}

/** `manualStart` keeps the constructor from reading at once; node's own code uses it, its types don't name it. */
interface AdoptOptions {
  fd: number;
  readable: boolean;
  writable: boolean;
  allowHalfOpen: boolean;
  manualStart: boolean;
}
