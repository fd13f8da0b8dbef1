import type { Socket } from 'node:net';
import { parseSocketIp, type SocketAddress } from '../../net/address.ts';
import type { Arrival, ArrivalHandler, ArrivalState, RelayHandle, RelayObserver, RelayPlan } from '../native.ts';
import { PeekBuffer } from './peek-buffer.ts';
import { startRelay } from './relay.ts';

/** Then a client that was replied to is let go, whatever it does. */
const LINGER_MS = 2000;

/**
 * One accepted connection that waits for a decision. What was read stands in `bytes` and counts as unread: `adopt` puts it back,
 * `relay` writes it to the backend.
 */
export class PortableArrival<Tag> implements Arrival<Tag> {
  tag: Tag | null = null;
  state: ArrivalState = 'open';
  readonly peer: SocketAddress;
  readonly local: SocketAddress;
  readonly #socket: Socket;
  readonly #handler: ArrivalHandler<Tag>;
  readonly #peeked = new PeekBuffer();
  readonly #deadline: NodeJS.Timeout;
  readonly #onData = (chunk: Buffer): void => this.#received(chunk);
  readonly #onEnd = (): void => this.#ended();
  readonly #onClose = (): void => this.#changed('closed');
  #reading = false;
  #wanted = 0;
  #relaying = false;

  /** Null when the connection was reset before it could be looked at (its addresses are unknown then). */
  static accept<Tag>(
    socket: Socket,
    handler: ArrivalHandler<Tag>,
    helloTimeoutMs: number,
  ): PortableArrival<Tag> | null {
    const peer = socketAddress(socket.remoteAddress, socket.remotePort);
    const local = socketAddress(socket.localAddress, socket.localPort);
    if (!peer || !local) {
      socket.destroy();
      return null;
    }
    return new PortableArrival(socket, peer, local, handler, helloTimeoutMs);
  }

  private constructor(
    socket: Socket,
    peer: SocketAddress,
    local: SocketAddress,
    handler: ArrivalHandler<Tag>,
    helloTimeoutMs: number,
  ) {
    this.#socket = socket;
    this.peer = peer;
    this.local = local;
    this.#handler = handler;
    socket.on('error', closeFollows);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    this.#deadline = setTimeout(() => this.#changed('timeout'), helloTimeoutMs);
  }

  get bytes(): Uint8Array {
    return this.#peeked.bytes;
  }

  more(atLeastBytes: number): void {
    this.#wanted = atLeastBytes;
    if (this.#reading) return;
    this.#reading = true;
    this.#socket.on('data', this.#onData);
  }

  reset(): void {
    this.#release();
    // A half-closed or already dead socket has nothing left to reset.
    if (!this.#socket.destroyed) this.#socket.resetAndDestroy();
  }

  reply(reply: Uint8Array): void {
    const socket = this.#release();
    // Closed when the client has ended too: closing with its bytes unread would reset the reply on its way.
    const linger = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(linger));
    socket.resume();
    socket.end(reply);
  }

  adopt(skip: number): Socket {
    const socket = this.#release();
    socket.allowHalfOpen = false;
    const rest = this.#peeked.bytes.subarray(skip);
    if (rest.length > 0) socket.unshift(rest);
    return socket;
  }

  relay(plan: RelayPlan, observer: RelayObserver): RelayHandle {
    this.#pause();
    this.#relaying = true;
    // The hello is whole: from here on the connect timeout counts.
    clearTimeout(this.#deadline);
    return startRelay(plan, this.#peeked.bytes.subarray(plan.skip), () => this.#release(), observer);
  }

  #received(chunk: Buffer): void {
    this.#peeked.append(chunk);
    if (this.#peeked.bytes.length >= this.#wanted) this.#handler.arrived([this]);
  }

  /** A client that ends before its hello is whole leaves; one that ends while a backend is being reached has half-closed. */
  #ended(): void {
    if (this.#relaying) return;
    this.#changed('closed');
    this.#socket.destroy();
  }

  #changed(state: ArrivalState): void {
    if (this.state !== 'open') return;
    this.state = state;
    if (state === 'closed') this.#release();
    this.#handler.arrived([this]);
  }

  #pause(): void {
    if (!this.#reading) return;
    this.#reading = false;
    this.#socket.off('data', this.#onData);
    this.#socket.pause();
  }

  /** Ends the waiting: from here on the socket belongs to whoever took it. */
  #release(): Socket {
    clearTimeout(this.#deadline);
    this.#pause();
    this.state = 'closed';
    const socket = this.#socket;
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onClose);
    return socket;
  }
}

/** 'close' follows every 'error' of a socket and is what is acted on; without this listener an error would end the process. */
function closeFollows(): void {}

function socketAddress(address: string | undefined, port: number | undefined): SocketAddress | null {
  if (address === undefined || port === undefined) return null;
  const ip = parseSocketIp(address);
  return ip && { ip, port };
}
