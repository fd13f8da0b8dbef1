import { Client, credentials } from '@grpc/grpc-js';

import { clientsOver } from './calls.ts';
import type { MakeClient } from './calls.ts';
import { defaultGrpcLimits } from './server.ts';

export type NetworkTarget = {
  /** `host:port`, an IPv6 address in brackets. */
  readonly address: string;
  /** null: without TLS. `ca: null`: the roots of the system. `serverName`: the name to verify when it is not the host. */
  readonly tls: { readonly ca: Buffer | null; readonly serverName: string | null } | null;
  readonly bearer: () => string | null;
};

export type NetworkConnection = Disposable & { readonly client: MakeClient };

/** Clients of a server on the network. Connects with the first call, which fails with `unavailable` where that is not possible. */
export function connectNetwork({ address, tls, bearer }: NetworkTarget): NetworkConnection {
  const name = tls?.serverName ?? null;
  const channel = new Client(
    `dns:${address}`,
    tls === null ? credentials.createInsecure() : credentials.createSsl(tls.ca),
    {
      'grpc.max_receive_message_length': defaultGrpcLimits.maxResponseBytes,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.use_local_subchannel_pool': 1,
      ...(name === null ? {} : { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name }),
    },
  );
  return {
    client: clientsOver({ channel, timeoutMs: null, bearer, explainLost: () => Promise.resolve(null) }),
    [Symbol.dispose]: () => void channel.close(),
  };
}
