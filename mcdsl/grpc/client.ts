import { resolve } from 'node:path';

import { Client, credentials } from '@grpc/grpc-js';

import { clientsOver } from './calls.ts';
import { defaultGrpcLimits } from './server.ts';
import type { MakeClient } from './calls.ts';
import { checkSocketPath, explainSocket } from './unix-socket.ts';

export type ConnectOptions = {
  /** The time limit of a unary call that sets none. */
  readonly timeoutMs?: number;
  readonly maxResponseBytes?: number;
};

export type UnixConnection = Disposable & {
  readonly socketPath: string;
  readonly client: MakeClient;
};

/**
 * Opens a server's Unix socket.
 * @throws SystemError of `socketErrors` when there is no such socket, it may not be used, or nobody listens; its message
 * tells the operator what to do
 */
export async function connectUnix(path: string, options: ConnectOptions = {}): Promise<UnixConnection> {
  const socketPath = resolve(path);
  checkSocketPath(socketPath);
  const problem = await explainSocket(socketPath);
  if (problem !== null) throw problem;
  const channel = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': options.maxResponseBytes ?? defaultGrpcLimits.maxResponseBytes,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // A connection of its own: closing this one must not touch another's.
    'grpc.use_local_subchannel_pool': 1,
  });
  return {
    socketPath,
    client: clientsOver({
      channel,
      timeoutMs: options.timeoutMs ?? null,
      bearer: () => null,
      explainLost: () => explainSocket(socketPath),
    }),
    [Symbol.dispose]() {
      channel.close();
    },
  };
}
