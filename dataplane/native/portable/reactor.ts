import { createServer, type Server, type Socket } from 'node:net';
import type { ListenEndpoint, ListenOptions, Reactor, ReactorListener } from '../native.ts';
import { PortableArrival } from './arrival.ts';

/**
 * The portable twin of the native reactor, on node:net. Batches hold one arrival, since libuv reports connections one by one; each
 * accept costs a net.Socket (some 30 µs), which is what the native core saves.
 */
export function createPortableReactor(): Reactor {
  const listeners = new Set<ReactorListener>();
  return {
    engine: 'portable',
    // Node's garbage collector keeps the books of these connections.
    figures: () => ({ connections: 0, timers: 0, pipes: 0, idlePipes: 0 }),
    async listen(options) {
      const listener = await listen(options);
      listeners.add(listener);
      return {
        ...listener,
        async close() {
          listeners.delete(listener);
          await listener.close();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...listeners].map((listener) => listener.close()));
    },
  };
}

async function listen<Tag>(options: ListenOptions<Tag>): Promise<ReactorListener> {
  const { handler, helloTimeoutMs } = options;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
    const arrival = PortableArrival.accept(socket, handler, helloTimeoutMs());
    if (arrival) handler.arrived([arrival]);
  });
  await bind(server, options.endpoint, options.backlog);
  server.on('error', (error) => handler.failed(error));
  const bound = server.address();
  const { address: host, port } = bound !== null && typeof bound === 'object' ? bound : { address: '', port: 0 };
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      if (!server.listening) resolve();
      // The callback waits for accepted sockets too; the listening socket itself is closed at once, and that is what callers wait for.
      else {
        server.close();
        setImmediate(resolve);
      }
    });
  return { host, port, close, [Symbol.asyncDispose]: close };
}

function bind(server: Server, endpoint: ListenEndpoint, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const bound = (): void => {
      server.off('error', reject);
      resolve();
    };
    if (endpoint.kind === 'fd') server.listen({ fd: endpoint.fd, backlog }, bound);
    else server.listen({ host: endpoint.host, port: endpoint.port, backlog, reusePort: true, ipv6Only: false }, bound);
  });
}
