import { connect, type Socket } from 'node:net';
import type { RelayEnd, RelayHandle, RelayObserver, RelayPlan } from '../native.ts';

/**
 * Connects to the backend, then moves bytes both ways. A side is read only while the other accepts, so a slow reader costs one
 * socket buffer and never memory that grows. `take` yields the client socket once the backend accepted; until then the client's
 * bytes stay unread, so that another backend can be tried.
 */
export function startRelay(
  plan: RelayPlan,
  opening: Uint8Array,
  take: () => Socket,
  observer: RelayObserver,
): RelayHandle {
  const backend = connect({ host: plan.host, port: plan.port, noDelay: true, allowHalfOpen: true });
  let relay: Relay | null = null;
  let killed = false;

  const connectTimer = setTimeout(() => failed('ETIMEDOUT'), plan.connectTimeoutMs);
  const onError = (error: NodeJS.ErrnoException): void => failed(error.code ?? error.name);

  function failed(code: string): void {
    clearTimeout(connectTimer);
    backend.off('error', onError);
    backend.on('error', () => backend.destroy());
    backend.destroy();
    observer.connectFailed(code);
  }

  backend.once('error', onError);
  backend.once('connect', () => {
    clearTimeout(connectTimer);
    backend.off('error', onError);
    if (killed) return;
    relay = new Relay(take(), backend, plan.idleTimeoutMs, observer);
    observer.connected();
    relay.start(plan.prefix, opening);
  });

  return {
    get bytesUp() {
      return relay?.bytesUp ?? 0;
    },
    get bytesDown() {
      return relay?.bytesDown ?? 0;
    },
    kill() {
      if (relay) {
        relay.end('killed');
        return;
      }
      if (killed) return;
      killed = true;
      clearTimeout(connectTimer);
      backend.off('error', onError);
      backend.on('error', () => backend.destroy());
      backend.destroy();
      take().resetAndDestroy();
    },
  };
}

class Relay {
  bytesUp = 0;
  bytesDown = 0;
  readonly #client: Socket;
  readonly #backend: Socket;
  readonly #observer: RelayObserver;
  readonly #idle: NodeJS.Timeout;
  readonly #open = new Set<Socket>();
  #ended: RelayEnd | null = null;

  constructor(client: Socket, backend: Socket, idleTimeoutMs: number, observer: RelayObserver) {
    this.#client = client;
    this.#backend = backend;
    this.#observer = observer;
    this.#open.add(client).add(backend);
    this.#idle = setTimeout(() => this.end('idle_timeout'), idleTimeoutMs);
  }

  start(prefix: Uint8Array | null, opening: Uint8Array): void {
    const client = this.#client;
    const backend = this.#backend;
    if (prefix) backend.cork();
    if (prefix) backend.write(prefix);
    if (opening.length > 0) this.#up(opening);
    if (prefix) backend.uncork();

    client.on('data', (chunk: Buffer) => this.#up(chunk));
    backend.on('data', (chunk: Buffer) => this.#down(chunk));
    client.on('drain', () => backend.resume());
    backend.on('drain', () => client.resume());
    // Half-close is passed on; the other direction goes on until it ends by itself.
    client.on('end', () => backend.end());
    backend.on('end', () => client.end());
    client.on('error', () => this.end('client_reset'));
    backend.on('error', () => this.end('backend_reset'));
    client.on('close', () => this.#closed(client));
    backend.on('close', () => this.#closed(backend));
    // The client may have ended or gone while the backend was being reached; its events are past then.
    if (client.readableEnded) backend.end();
    if (client.closed) {
      this.#closed(client);
      this.end('client_reset');
    }
    // 'data' listeners do not resume a socket that was paused on purpose while the hello was judged.
    client.resume();
  }

  /** RST to both sides. */
  end(cause: RelayEnd): void {
    if (this.#ended) return;
    this.#ended = cause;
    if (!this.#client.destroyed) this.#client.resetAndDestroy();
    if (!this.#backend.destroyed) this.#backend.resetAndDestroy();
  }

  #up(chunk: Uint8Array): void {
    this.bytesUp += chunk.length;
    this.#idle.refresh();
    if (!this.#backend.write(chunk)) this.#client.pause();
  }

  #down(chunk: Uint8Array): void {
    this.bytesDown += chunk.length;
    this.#idle.refresh();
    if (!this.#client.write(chunk)) this.#backend.pause();
  }

  /** A socket may be closed and tell so later. */
  #closed(socket: Socket): void {
    if (!this.#open.delete(socket) || this.#open.size > 0) return;
    clearTimeout(this.#idle);
    this.#observer.closed({
      end: this.#ended ?? 'finished',
      bytesUp: this.bytesUp,
      bytesDown: this.bytesDown,
    });
  }
}
