import type { Duplex } from 'node:stream';

export interface TunnelObserver {
  moved(direction: 'up' | 'down', sizeBytes: number): void;
  /** Both sides are gone. Called once. */
  ended(): void;
}

/**
 * Bytes both ways between a client and a backend after an upgrade. One side is read only as fast as the other takes, a half
 * that ends is ended on the other side, a side that breaks takes the other with it.
 */
export function joinTunnel(client: Duplex, backend: Duplex, observer: TunnelObserver): void {
  let open = 2;
  const closed = (side: Duplex, other: Duplex) => (): void => {
    if (!side.readableEnded || other.writableFinished) abandon(other);
    // It came to its end, and the other is still taking what it said.
    else other.once('finish', () => abandon(other));
    if (--open === 0) observer.ended();
  };
  flow(client, backend, (sizeBytes) => observer.moved('up', sizeBytes));
  flow(backend, client, (sizeBytes) => observer.moved('down', sizeBytes));
  client.once('close', closed(client, backend));
  backend.once('close', closed(backend, client));
}

function abandon(side: Duplex): void {
  if (!side.writableFinished || !side.readableEnded) side.destroy();
}

function flow(from: Duplex, to: Duplex, moved: (sizeBytes: number) => void): void {
  from.on('data', (chunk: Buffer) => {
    moved(chunk.length);
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
  from.resume();
}
