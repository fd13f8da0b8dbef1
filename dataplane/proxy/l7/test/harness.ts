import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { createBackendPools, createResolver } from '../../backends/index.ts';
import { DEFAULT_HEALTH } from '../../health/index.ts';
import type { ProxySettings, Route } from '../../model.ts';
import type { ConnectionInfo, Refusal, Reporter, RequestRecord } from '../../report.ts';
import { makeCa, type IssuedCertificate, type TestCa } from '../../test/certificates.ts';
import { createTerminator, type Terminator } from '../index.ts';

/** A terminator behind a listening socket, with everything it reports kept for the test to look at. */
export interface Rig extends AsyncDisposable {
  readonly terminator: Terminator;
  readonly port: number;
  readonly ca: TestCa;
  readonly routes: Map<string, Route>;
  readonly records: RequestRecord[];
  readonly refusals: Refusal[];
  readonly failures: unknown[];
  readonly handshakes: boolean[];
  settings: ProxySettings;
  /** The next connections' info is changed so. */
  disguise: Partial<ConnectionInfo>;
  /** The SNI the next connections come with: finding routes is the pipeline's business, here the test says it. */
  sni: string;
  addRoute(hostname: string, backend: string | readonly string[], more?: Partial<Route>): Promise<Route>;
  /** A TLS connection by which raw bytes can be sent. */
  tls(servername: string, more?: ConnectionOptions): Promise<TLSSocket>;
  /** Sends bytes over TLS and reads until the proxy closes or `until` has come. */
  raw(servername: string, request: string, until?: RegExp): Promise<string>;
  /** Resolves once so many requests were reported. */
  recorded(count: number): Promise<void>;
  refused(count: number): Promise<void>;
  /** Resolves once no client connection is open. */
  idle(): Promise<void>;
}

export const SETTINGS: ProxySettings = {
  connectTimeoutMs: 2_000,
  idleTimeoutMs: 300_000,
  shutdownTimeoutMs: 5_000,
  helloTimeoutMs: 5_000,
  helloMaxBytes: 16_384,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  maxHeaderBytes: 32_768,
  maxHeaderCount: 100,
  maxBodyBytes: 0,
  maxStreams: 128,
  ticketRotationMs: 43_200_000,
  tlsGroups: 'X25519MLKEM768:X25519:P-256',
};

export async function createRig(settings: Partial<ProxySettings> = {}): Promise<Rig> {
  const ca = await makeCa();
  const routes = new Map<string, Route>();
  const certificates = new Map<string, Promise<IssuedCertificate>>();
  const records: RequestRecord[] = [];
  const refusals: Refusal[] = [];
  const failures: unknown[] = [];
  const handshakes: boolean[] = [];
  const waiters: { readonly isMet: () => boolean; readonly resolve: () => void }[] = [];
  const notify = (): void => {
    for (const waiter of waiters) if (waiter.isMet()) waiter.resolve();
  };
  const waitFor = (isMet: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      waiters.push({ isMet, resolve });
      notify();
    });
  const reporter: Partial<Reporter> = {
    refused: (refusal) => (refusals.push(refusal), notify()),
    requested: (record) => (records.push(record), notify()),
    handshaken: (_listener, resumed) => void handshakes.push(resumed),
    failed: (what, error) => void failures.push([what, error]),
    relayed: () => undefined,
  };
  const resolver = createResolver();
  const terminator = createTerminator({
    settings: () => rig.settings,
    reporter: reporter as Reporter,
    resolver,
    slots: { tryDial: () => true, hungUp: () => undefined },
    pools: createBackendPools({ down: new Set(), connectFailed: () => {} }),
    findRoute: (_listener, hostname) => routes.get(hostname) ?? routes.get(hostname.replace(/^[^.]+/, '*')) ?? null,
  });

  let connections = 0;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const { sni } = rig;
    socket.once('close', () => setImmediate(notify));
    const route = routes.get(sni) ?? routes.get(sni.replace(/^[^.]+/, '*')) ?? routes.get('default.test');
    if (!route) return void socket.destroy();
    terminator.terminate(socket, { ...infoOf(socket, sni || null, ++connections), ...rig.disguise }, route);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const rig: Rig = {
    terminator,
    port,
    ca,
    routes,
    records,
    refusals,
    failures,
    handshakes,
    settings: { ...SETTINGS, ...settings },
    disguise: {},
    sni: '',
    async addRoute(hostname, backend, more = {}) {
      const names = [hostname];
      let certificate = certificates.get(hostname);
      if (!certificate) certificates.set(hostname, (certificate = ca.issue({ names })));
      const { certPem, keyPem } = await certificate;
      const route: Route = {
        hostname,
        backends: typeof backend === 'string' ? [backend] : backend,
        mode: 'l7',
        sendProxyProtocol: false,
        tlsCert: 'cert.pem',
        tlsKey: 'key.pem',
        backendTls: false,
        backendVerify: 'none',
        backendCa: '',
        backendServerName: '',
        backendProtocol: 'auto',
        clientCa: '',
        forwardedHeaders: 'set',
        health: DEFAULT_HEALTH,
        policies: { blockUserAgents: [], requireHeaders: [] },
        origin: 'config',
        material: { certificate: { certPem, keyPem }, clientCaPem: null, backendCaPem: null },
        ...more,
      };
      const before = routes.get(hostname);
      routes.set(hostname, route);
      if (before) terminator.retire(before);
      return route;
    },
    async tls(servername, more = {}) {
      rig.sni = servername;
      const socket = connectTls({
        port,
        host: '127.0.0.1',
        ca: ca.caPem,
        ...(servername === '' ? { checkServerIdentity: () => undefined } : { servername }),
        ...more,
      });
      await once(socket, 'secureConnect');
      return socket;
    },
    async raw(servername, request, until) {
      const socket = await rig.tls(servername);
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (until?.test(text)) socket.destroy();
      });
      socket.on('error', () => socket.destroy());
      socket.write(request, 'latin1');
      await new Promise((resolve) => socket.once('close', resolve));
      return text;
    },
    recorded: (count) => waitFor(() => records.length >= count),
    refused: (count) => waitFor(() => refusals.length >= count),
    idle: () => waitFor(() => terminator.active === 0),
    async [Symbol.asyncDispose]() {
      await terminator[Symbol.asyncDispose]();
      resolver[Symbol.dispose]();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return rig;
}

function infoOf(socket: Socket, sni: string | null, number: number): ConnectionInfo {
  return {
    id: `test-${number}`,
    listener: ':443',
    clientIp: '127.0.0.1',
    clientPort: socket.remotePort ?? 0,
    peerIp: '127.0.0.1',
    localIp: '127.0.0.1',
    localPort: socket.localPort ?? 0,
    proxied: false,
    sni,
    viaId: null,
    acceptedAt: Date.now(),
  };
}

/** Listens on a free loopback port; disposing closes the server and every connection to it. */
export async function listenOn<S extends Server>(
  server: S,
): Promise<{ readonly address: string; readonly port: number; readonly sockets: Set<Socket> } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    sockets,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
