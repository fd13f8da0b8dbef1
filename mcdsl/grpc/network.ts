import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';

import { formatAddress } from '../config/addresses.ts';
import { defineErrors, messageOf } from '../errors/index.ts';
import type { Logger } from '../logging/index.ts';
import type { CertificateSource } from '../tls/index.ts';
import { createGrpcServer } from './server.ts';
import type { GrpcLimits } from './server.ts';
import type { ServedService } from './service.ts';

const networkErrors = defineErrors('grpc_listener', {
  listen_failed: { http: 500, grpc: 'UNAVAILABLE', retry: false },
});

export type GrpcListenerOptions = {
  /** `host: null` listens on every address. Port 0 lets the system choose. */
  readonly listen: { readonly host: string | null; readonly port: number };
  /** null: without TLS, for loopback and container-private addresses only. */
  readonly certificate: CertificateSource | null;
  readonly services: readonly ServedService[];
  readonly logger: Logger;
  readonly limits?: Partial<GrpcLimits>;
  readonly onRefusal?: (error: unknown, path: string) => void;
  readonly maxConnections?: number;
};

export type GrpcListener = AsyncDisposable & {
  readonly host: string;
  readonly port: number;
  activeCalls(): number;
  /** Takes no new connection, lets unary calls finish for `graceMs`, then closes every connection. */
  close(graceMs: number): Promise<void>;
};

const defaultMaxConnections = 1024;
const handshakeMs = 10_000;
const disposeGraceMs = 250;

/**
 * Serves gRPC on an address of the network: TLS 1.3 with ALPN h2.
 * @throws listen_failed with address and reason
 */
export async function listenGrpc(options: GrpcListenerOptions): Promise<GrpcListener> {
  const { listen, certificate, services, logger, limits = {}, onRefusal } = options;
  const server = createGrpcServer({
    transport: 'network',
    services,
    logger,
    limits,
    ...(onRefusal === undefined ? {} : { onRefusal }),
  });
  const accept = (socket: net.Socket): void => server.accept(socket);
  const listener = certificate === null ? net.createServer(accept) : tlsListener(certificate, accept, logger);
  listener.maxConnections = options.maxConnections ?? defaultMaxConnections;
  listener.listen({ port: listen.port, ...(listen.host === null ? {} : { host: listen.host }) });
  try {
    await once(listener, 'listening');
  } catch (cause) {
    const shown = formatAddress({ kind: 'tcp', ...listen });
    throw networkErrors.error('listen_failed', `cannot serve gRPC on ${shown}: ${messageOf(cause)}`, {}, { cause });
  }
  const { address, port } = listener.address() as AddressInfo;
  const close = async (graceMs: number): Promise<void> => {
    if (listener.listening) listener.close();
    await server.close(graceMs);
  };
  return {
    host: address,
    port,
    activeCalls: () => server.activeCalls(),
    close,
    [Symbol.asyncDispose]: () => close(disposeGraceMs),
  };
}

function tlsListener(certificate: CertificateSource, accept: (socket: net.Socket) => void, logger: Logger): tls.Server {
  const contextOf = ({ pem }: ReturnType<CertificateSource['current']>) =>
    ({ cert: pem.certPem, key: pem.keyPem, minVersion: 'TLSv1.3' }) as const;
  const options = { ...contextOf(certificate.current()), ALPNProtocols: ['h2'], handshakeTimeout: handshakeMs };
  const listener = tls.createServer(options, accept);
  listener.on('tlsClientError', (err) => logger.debug('rpc handshake failed', { err }));
  const stopFollowing = certificate.onChange((pair) => listener.setSecureContext(contextOf(pair)));
  listener.once('close', stopFollowing);
  return listener;
}
