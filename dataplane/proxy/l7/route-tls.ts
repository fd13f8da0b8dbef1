import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { ProxySettings, RouteMaterial } from '../model.ts';
import type { Reason } from '../reasons.ts';

/** TLS of one route: its certificate, its ticket keys, its client CA. */
export interface RouteTls {
  /** Starts the handshake on a socket whose ClientHello is unread, also when it is already in the socket's buffer. */
  accept(raw: Socket): void;
  /** New tickets from new keys; old tickets lead to a full handshake. */
  rotateTickets(): void;
}

export interface RouteTlsHandlers {
  secured(raw: Socket, socket: TLSSocket): void;
  /** The connection is gone or about to be, after the alert was sent where there is one. */
  failed(raw: Socket, reason: Reason, detail: string): void;
}

const TICKET_KEY_BYTES = 48;

/**
 * A TLS server that never listens: it is handed its sockets one by one. One a route, because tickets must not resume a session
 * of another route (CVE-2025-23419). Throws when the certificate is no usable PEM pair.
 */
export function createRouteTls(
  certificate: NonNullable<RouteMaterial['certificate']>,
  clientCaPem: string | null,
  settings: ProxySettings,
  handlers: RouteTlsHandlers,
): RouteTls {
  const server = createServer({
    cert: certificate.certPem,
    key: certificate.keyPem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ecdhCurve: settings.tlsGroups,
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: settings.headerTimeoutMs,
    ticketKeys: randomBytes(TICKET_KEY_BYTES),
    ...(clientCaPem === null ? {} : { ca: clientCaPem, requestCert: true, rejectUnauthorized: true }),
  });
  server.on('secureConnection', (socket) => handlers.secured(rawOf(socket), socket));
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    handlers.failed(rawOf(socket), reasonOf(error, socket), error.code ?? error.message);
    // The one failure after which Node leaves the socket open.
    if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') socket.destroy();
  });
  return {
    accept: (raw) => void server.emit('connection', raw),
    rotateTickets: () => server.setTicketKeys(randomBytes(TICKET_KEY_BYTES)),
  };
}

/** The socket that was handed over. Node keeps it in a field it doesn't document; nothing documented leads back. */
function rawOf(socket: TLSSocket): Socket {
  return (socket as TLSSocket & { readonly _parent: Socket })._parent;
}

function reasonOf(error: NodeJS.ErrnoException, socket: TLSSocket): Reason {
  if (error.code === 'ERR_SSL_UNSUPPORTED_PROTOCOL') return 'tls_version';
  if (error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return 'client_certificate';
  return socket.authorizationError ? 'client_certificate' : 'tls_handshake';
}
