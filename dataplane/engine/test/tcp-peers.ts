import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP backend of the test; `received` grows as bytes come in. */
export interface TcpBackend extends AsyncDisposable {
  /** host:port */
  readonly address: string;
  readonly port: number;
  readonly connections: readonly { readonly socket: Socket; received: Buffer }[];
  connection(index: number): Promise<{ readonly socket: Socket; received: Buffer }>;
}

export async function startTcpBackend(onData?: (socket: Socket, received: Buffer) => void): Promise<TcpBackend> {
  const connections: { socket: Socket; received: Buffer }[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = { socket, received: Buffer.alloc(0) };
    connections.push(connection);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      connection.received = Buffer.concat([connection.received, chunk]);
      onData?.(socket, connection.received);
    });
    server.emit('arrived');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    connections,
    async connection(index) {
      for (;;) {
        const connection = connections[index];
        if (connection) return connection;
        await once(server, 'arrived');
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function dial(port: number, options: { localAddress?: string; host?: string } = {}): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, ...options });
  await once(socket, 'connect');
  return socket;
}

/** How a connection on which we sent `bytes` ends when nothing more is sent: by RST, by FIN, or with the bytes of an answer. */
export function fate(
  port: number,
  bytes: Uint8Array,
  options: { localAddress?: string; host?: string } = {},
): Promise<'reset' | 'closed' | Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, ...options });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('connect', () => socket.write(bytes));
    socket.on('end', () => {
      socket.destroy();
      resolve(chunks.length > 0 ? Buffer.concat(chunks) : 'closed');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve('reset');
      else reject(error);
    });
  });
}

/** Writes in pieces of `size`, each in a segment of its own as far as the kernel lets it. */
export async function writeInPieces(socket: Socket, bytes: Uint8Array, size: number): Promise<void> {
  socket.setNoDelay(true);
  for (let at = 0; at < bytes.length; at += size) {
    await new Promise((resolve) => socket.write(bytes.subarray(at, at + size), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export async function received(
  connection: { readonly socket: Socket; received: Buffer },
  length: number,
): Promise<Buffer> {
  while (connection.received.length < length) await once(connection.socket, 'data');
  return connection.received;
}
