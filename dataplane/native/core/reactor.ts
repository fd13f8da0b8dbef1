import { getSystemErrorName } from 'node:util';
import { formatIp, parseIp } from '../../net/address.ts';
import type { NativeCore, NativeReactor } from '../load.ts';
import type { ListenEndpoint, Reactor, ReactorListener, RelayEnd } from '../native.ts';
import { CoreConnection, socketAddress, type CoreHost, type CoreListener } from './connection.ts';
import { systemError } from './system-error.ts';
import {
  ACCEPTED,
  BYTES,
  BYTES_DOWN,
  BYTES_UP,
  CLOSED,
  CONNECTED,
  CONNECT_FAILED,
  GENERATION,
  HELLO_TIMEOUT,
  LISTENER,
  LISTENER_FAILED,
  OFFSET,
  RELAY_CLOSED,
  SLOT,
  Wire,
  WORDS,
} from './wire.ts';

/** By their numbers in `wire.rs`. */
const ENDS: readonly RelayEnd[] = ['finished', 'idle_timeout', 'client_reset', 'backend_reset', 'killed'];

/**
 * The reactor in Rust (`native-deps/core/src/reactor`): JavaScript is called once a wake-up with all that happened, and what it decides
 * is done when it returns. A decision made at another time (a name was resolved, an operator kills) is done at once.
 */
export function createCoreReactor({ NativeReactor }: NativeCore): Reactor {
  const listeners: (CoreListener | undefined)[] = [];
  // By slot; the generation tells whether it is still the one that is meant.
  const connections: (CoreConnection<unknown> | undefined)[] = [];
  const wire = new Wire(() => core.flush());
  const core: NativeReactor = new NativeReactor(wire.memory, wake, { reactor: 'native' });
  const touched: CoreListener[] = [];
  let isDeciding = false;

  const host: CoreHost = {
    core,
    wire,
    decided() {
      // What follows from it (a connect that failed at once) is told when the verb has returned.
      if (!isDeciding && core.flush()) queueMicrotask(() => core.tell());
    },
    forget(connection) {
      if (connections[connection.slot] === connection) connections[connection.slot] = undefined;
    },
  };

  function wake(count: number): void {
    isDeciding = true;
    const errors: unknown[] = [];
    // An observer or a handler that throws takes nothing from the others.
    for (let at = 0; at < count * WORDS; at += WORDS) {
      try {
        happened(at);
      } catch (error) {
        errors.push(error);
      }
    }
    for (const listener of touched) deliver(listener, errors);
    touched.length = 0;
    isDeciding = false;
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, 'several handlers of connections failed');
  }

  function deliver(listener: CoreListener, errors: unknown[]): void {
    const { batch } = listener;
    listener.batch = [];
    try {
      listener.handler.arrived(batch);
    } catch (error) {
      errors.push(error);
      for (const connection of batch) if (!connection.observer) connection.reset();
    }
  }

  function happened(at: number): void {
    const { events } = wire;
    const slot = events[at + SLOT] ?? 0;
    const generation = events[at + GENERATION] ?? 0;
    switch (events[at]) {
      case ACCEPTED:
        return accepted(at, slot, generation);
      case LISTENER_FAILED:
        return listeners[events[at + LISTENER] ?? 0]?.handler.failed(
          systemError('accept', events[at + OFFSET] ?? 0, ''),
        );
      default: {
        const connection = connections[slot];
        if (connection?.generation === generation) changed(connection, events[at] ?? 0, at);
      }
    }
  }

  function accepted(at: number, slot: number, generation: number): void {
    const listener = listeners[wire.events[at + LISTENER] ?? 0];
    if (!listener) return wire.reset({ slot, generation });
    const connection = new CoreConnection<unknown>(host, listener, slot, generation, at);
    connections[slot] = connection;
    connection.peeked(at);
    arrived(connection);
  }

  function changed(connection: CoreConnection<unknown>, kind: number, at: number): void {
    switch (kind) {
      case BYTES:
        connection.peeked(at);
        return arrived(connection);
      case HELLO_TIMEOUT:
        connection.state = 'timeout';
        return arrived(connection);
      case CLOSED:
        connection.state = 'closed';
        host.forget(connection);
        return arrived(connection);
      case CONNECTED:
        connection.state = 'closed';
        return connection.observer?.connected();
      case CONNECT_FAILED: {
        const { observer } = connection;
        connection.observer = null;
        return observer?.connectFailed(getSystemErrorName(-(wire.events[at + OFFSET] ?? 0)));
      }
      case RELAY_CLOSED:
        host.forget(connection);
        return connection.observer?.closed({
          end: ENDS[wire.events[at + OFFSET] ?? 0] ?? 'killed',
          bytesUp: wire.count(at + BYTES_UP),
          bytesDown: wire.count(at + BYTES_DOWN),
        });
      default:
        throw new RangeError(`the native core told an event of the unknown kind ${kind}`);
    }
  }

  function arrived(connection: CoreConnection<unknown>): void {
    const { listener } = connection;
    if (listener.batch.length === 0) touched.push(listener);
    listener.batch.push(connection);
  }

  function close(index: number): Promise<void> {
    if (listeners[index]) core.unlisten(index);
    listeners[index] = undefined;
    return Promise.resolve();
  }

  return {
    engine: 'native',
    figures: () => core.figures(),
    async listen({ endpoint, backlog, helloTimeoutMs, handler }) {
      const index = bind(core, endpoint, backlog);
      if (index < 0)
        throw systemError('listen', -index, endpoint.kind === 'tcp' ? `${endpoint.host}:${endpoint.port}` : '');
      listeners[index] = { handler, helloTimeoutMs, batch: [] } as CoreListener;
      const { ip, port } = socketAddress(core.listenerAddress(index));
      const listener: ReactorListener = {
        host: formatIp(ip),
        port,
        close: () => close(index),
        [Symbol.asyncDispose]: () => close(index),
      };
      return listener;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(listeners.map((_, index) => close(index)));
      if (core.figures().connections === 0) core.close();
    },
  };
}

/** The number of the listener, or a negative errno. */
function bind(core: NativeReactor, endpoint: ListenEndpoint, backlog: number): number {
  if (endpoint.kind === 'fd') return core.listenInherited(endpoint.fd, backlog);
  const ip = parseIp(endpoint.host);
  if (!ip) throw new RangeError(`a listener needs an address, not ${JSON.stringify(endpoint.host)}`);
  return core.listen([...ip.words], endpoint.port, backlog);
}
