import type { Socket } from 'node:net';
import type { IpAddress, SocketAddress } from '../net/address.ts';

/**
 * The one declaration of the native boundary. The Rust core and the portable twin both stand behind these interfaces and pass
 * the same tests. Neither holds a policy: they accept, peek, reset, relay and hand sockets over; what happens to a connection is
 * decided in TypeScript (dataplane/proxy/pipeline.ts).
 */
export interface Reactor extends AsyncDisposable {
  readonly engine: 'native' | 'portable';
  /** Binds with SO_REUSEPORT, so that each worker (and a successor process) has a listener of its own on one port. */
  listen<Tag>(options: ListenOptions<Tag>): Promise<ReactorListener>;
  /** What is held at the moment; all but `idlePipes` is 0 when every connection is over. */
  figures(): ReactorFigures;
}

export interface ReactorFigures {
  /** From accept until the last socket is closed; one that was adopted no longer counts. */
  readonly connections: number;
  readonly timers: number;
  /** Of streams that are spliced. */
  readonly pipes: number;
  /** Kept for the next streams; at most 64. */
  readonly idlePipes: number;
}

export interface ListenOptions<Tag> {
  readonly endpoint: ListenEndpoint;
  /** Length of the kernel's accept queue. */
  readonly backlog: number;
  /** PROXY header + ClientHello, counted from accept; an absolute deadline, not an idle one. Asked at each wake-up. */
  readonly helloTimeoutMs: () => number;
  readonly handler: ArrivalHandler<Tag>;
}

export type ListenEndpoint =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A listening socket inherited from the service manager. The native engine serves a duplicate of it, the portable one takes it over. */
  | { readonly kind: 'fd'; readonly fd: number };

export interface ReactorListener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Stops accepting; connections already accepted are untouched. Resolves when the listening socket is closed. */
  close(): Promise<void>;
}

export interface ArrivalHandler<Tag> {
  /**
   * Called once per wake-up with every connection whose state changed: accepted (no bytes yet), more bytes, hello deadline passed,
   * or closed by the peer. For each arrival that is `open` the handler calls exactly one of its verbs before it returns.
   */
  arrived(batch: readonly Arrival<Tag>[]): void;
  /** The listening socket itself failed (EMFILE, ENOBUFS, …); it goes on accepting when it can. */
  failed(error: Error): void;
}

/** `timeout`: the hello deadline passed. `closed`: the peer went away first; nothing can be done but to forget it. */
export type ArrivalState = 'open' | 'timeout' | 'closed';

/** One connection that waits for a decision. */
export interface Arrival<Tag> {
  /** The handler's own state of this connection; null at the first call. */
  tag: Tag | null;
  readonly state: ArrivalState;
  readonly peer: SocketAddress;
  readonly local: SocketAddress;
  /** What the peer sent so far. Nothing of it is consumed; valid until the next verb is called. */
  readonly bytes: Uint8Array;
  /** Wait until `bytes` holds at least so many. */
  more(atLeastBytes: number): void;
  /** Close with RST and forget the connection. */
  reset(): void;
  /** Send `reply`, then close with FIN (the answer to clear HTTP on a TLS port; nothing else speaks before TLS). */
  reply(reply: Uint8Array): void;
  /**
   * The connection becomes a net.Socket of this thread, paused, whose first readable byte is `bytes[skip]`. Unlike a relay it does
   * not stay half open: it ends when the peer ends, as a TLS connection does (RFC 8446 §6.1 leaves nothing to say after that).
   */
  adopt(skip: number): Socket;
  /**
   * Connects to a backend, writes `prefix` and `bytes` from `skip` on, then relays both ways until both sides ended.
   * Half-close is passed on. When the connect fails, nothing was consumed and another verb (another relay too) may follow.
   */
  relay(plan: RelayPlan, observer: RelayObserver): RelayHandle;
}

export interface RelayPlan {
  /** A numeric address. */
  readonly host: string;
  readonly port: number;
  readonly prefix: Uint8Array | null;
  readonly skip: number;
  readonly connectTimeoutMs: number;
  /** Without a byte in either direction. */
  readonly idleTimeoutMs: number;
}

export interface RelayObserver {
  connected(): void;
  /** `code`: the errno name (`ECONNREFUSED`, …) or `ETIMEDOUT` when connectTimeoutMs passed. */
  connectFailed(code: string): void;
  /** Called once, and only after `connected`. */
  closed(result: RelayResult): void;
}

export type RelayEnd = 'finished' | 'idle_timeout' | 'client_reset' | 'backend_reset' | 'killed';

export interface RelayResult {
  readonly end: RelayEnd;
  /** Client to backend, the prefix not counted. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export interface RelayHandle {
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** RST to both sides, also while still connecting. `closed` follows with `killed` if `connected` was called before. */
  kill(): void;
}

/** SHA-256 (FIPS 180-4) whose state outlives the process, so that a transfer goes on where it was acknowledged and nothing is hashed twice. */
export interface ResumableHash {
  /** Bytes hashed so far. */
  readonly length: number;
  /** Runs on the calling thread. The bytes are read before it returns and not kept. */
  update(bytes: Uint8Array): void;
  /**
   * 41 to 104 bytes, the same of both engines: 1 (the form), the length (u64), the chaining value (8 × u32), all big-endian, then the
   * bytes of the unfinished block. The hash can go on.
   */
  save(): Uint8Array;
  /** 32 bytes, of what was hashed so far. The hash can go on. */
  digest(): Uint8Array;
}

export interface HashEngine {
  readonly engine: 'native' | 'portable';
  sha256(): Promise<ResumableHash>;
  /** Null: the bytes are not what `save` returns. */
  loadSha256(saved: Uint8Array): Promise<ResumableHash | null>;
}

/** UDP sockets whose datagrams come and go in batches. */
export interface DatagramEngine {
  readonly engine: 'native' | 'portable';
  /** Binds with SO_REUSEPORT, so that each worker has a socket of its own on one port. Rejects with the system's error. */
  bind(options: DatagramOptions): Promise<DatagramSocket>;
}

export interface DatagramOptions {
  /** Numeric. `::` takes both families, and `0.0.0.0` and `::` every address of the machine. */
  readonly host: string;
  readonly port: number;
  /** Datagrams of one wake-up at most, 1 to 1024. */
  readonly batch: number;
  /** Of a datagram, in either direction; a longer one arrives cut. */
  readonly maxBytes: number;
  readonly handler: DatagramHandler;
}

export interface DatagramHandler {
  /** Called once per wake-up. What the batch holds is valid until it returns; the replies leave then. */
  received(batch: DatagramBatch): void;
  /** The socket itself failed (ENOMEM, ENETDOWN, …); it goes on when it can. */
  failed(error: Error): void;
}

export interface DatagramBatch {
  readonly count: number;
  /** Datagram `index` is input[start(index), end(index)). */
  readonly input: Uint8Array;
  start(index: number): number;
  end(index: number): number;
  /** True when the datagram was longer than `maxBytes`. */
  cut(index: number): boolean;
  peer(index: number): SocketAddress;
  /** The address that it was sent to, which the reply leaves from. */
  local(index: number): IpAddress;
  /** `maxBytes` of room for the answer to datagram `index`, from room(index) on. */
  readonly output: Uint8Array;
  room(index: number): number;
  /** Sends the first `length` bytes of its room to where datagram `index` came from. Once a datagram. */
  reply(index: number, length: number): void;
}

export interface DatagramSocket extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** A reply that comes later, or a message of our own. The bytes are copied before it returns. */
  send(bytes: Uint8Array, peer: SocketAddress, local: IpAddress): void;
  stats(): DatagramStats;
  /** Nothing is received or sent any more; resolves when the port is free. */
  close(): Promise<void>;
}

export interface DatagramStats {
  readonly received: number;
  readonly sent: number;
  /** Replies that the system did not take: its send buffer was full, or it knows no way there. */
  readonly dropped: number;
}

/** Moves the bytes of files to sockets without a copy through this process, where the socket is plain TCP. */
export interface FileSender {
  readonly engine: 'native' | 'portable';
  /**
   * Resolves when the system has taken the last byte. Until then nothing else may be written to the socket, and nothing of it may wait
   * (`writableLength` 0). The file stays open. Rejects, the socket destroyed, when the peer is gone, when the file is shorter than the range
   * (`FileShortError`), or with the signal's reason. A read from the disk that the page cache spares otherwise blocks the thread.
   */
  send(socket: Socket, range: FileRange, signal: AbortSignal): Promise<void>;
}

export interface FileRange {
  readonly fd: number;
  readonly start: number;
  readonly length: number;
}

/** The receiver was promised more bytes than there are: its transfer must not look whole. */
export class FileShortError extends Error {
  readonly code = 'FILE_SHORT';

  constructor({ start, length }: FileRange, sent: number) {
    super(`the file ended after ${sent} of ${length} bytes from offset ${start}`);
    this.name = 'FileShortError';
  }
}
