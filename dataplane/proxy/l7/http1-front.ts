import { createServer, type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { refuseConnection, type ClientConnection, type L7Context } from './context.ts';
import { Exchange } from './exchange.ts';
import type { Front, FrontListener, RespondOptions } from './front.ts';
import { refusalBody, statusOf } from './refusal.ts';
import type { RawHead } from './request-head.ts';
import type { Reason } from '../reasons.ts';

/** HTTP/1.1 on client connections. */
export interface Http1Server extends Disposable {
  serve(socket: TLSSocket, connection: ClientConnection): void;
}

const KEEP_ALIVE_MS = 75_000;
const CHECK_INTERVAL_MS = 1_000;
/** After a response, what is left of an unread request body gets so long to arrive before the connection is closed. */
const LINGER_MS = 5_000;

interface Client {
  readonly connection: ClientConnection;
  readonly socket: TLSSocket;
  /** Whose head was parsed last: a framing error further on is its body's. */
  last: Http1Front | null;
  open: number;
  /** The connection ends with the response under way; what follows on it is not looked at. */
  isClosing: boolean;
  /** It ends with the responses that are under way, though some of them have promised to keep it. */
  isDraining: boolean;
}

export function createHttp1Server(context: L7Context): Http1Server {
  const { settings } = context;
  const clients = new WeakMap<Duplex, Client>();
  const server = createServer({
    insecureHTTPParser: false,
    // Checked with the rest of the head, so that a missing Host has its reason too.
    requireHostHeader: false,
    maxHeaderSize: settings.maxHeaderBytes,
    headersTimeout: settings.headerTimeoutMs,
    // A body may take as long as it makes progress; the exchange's watch sees to that.
    requestTimeout: 0,
    keepAliveTimeout: Math.min(settings.idleTimeoutMs, KEEP_ALIVE_MS),
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: isWebSocket,
  });
  // Counting is ours: Node would silently drop the fields beyond.
  server.maxHeadersCount = 0;

  function serve(request: IncomingMessage, response: ServerResponse, expects: boolean): void {
    const client = clients.get(request.socket);
    if (!client) return void request.destroy();
    start(client, new Http1Front(client, request, response, expects));
  }

  function start(client: Client, front: Http1Front): void {
    client.last = front;
    client.open++;
    new Exchange(context, client.connection, front).run();
  }

  server.on('request', (request, response) => serve(request, response, false));
  server.on('checkContinue', (request, response) => serve(request, response, true));
  server.on('checkExpectation', (request, response) => serve(request, response, false));
  server.on('upgrade', (request, socket, head) => {
    const client = clients.get(socket);
    if (!client) return void socket.destroy();
    socket.on('error', () => socket.destroy());
    start(client, new Http1Upgrade(client, request, socket as TLSSocket, head));
  });
  server.on('connect', (_request, socket) => {
    const client = clients.get(socket);
    socket.on('error', () => socket.destroy());
    if (client) answerRaw(client, socket, 'request_invalid', 'CONNECT');
    else socket.destroy();
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const client = clients.get(socket);
    const reason = reasonOf(error);
    if (client?.isClosing) return;
    if (!client || !reason || !socket.writable) return void socket.destroy();
    if (client.open === 0) return answerRaw(client, socket, reason, error.code ?? '');
    // More bytes after the last request of a connection may be the body that the client thinks it has (CVE-2026-2835).
    const isLeftOver = error.code === 'HPE_CLOSED_CONNECTION';
    if (client.last?.isReading || isLeftOver) client.last?.listener?.malformed(error.code ?? '');
    else socket.destroy();
  });

  function answerRaw(client: Client, socket: Duplex, reason: Reason, detail: string): void {
    const { connection } = client;
    refuseConnection(context.reporter, connection.info, connection.route.hostname, reason, detail);
    const status = statusOf(reason);
    const body = refusalBody(reason, connection.info.id);
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? ''}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`,
    );
    socket.once('finish', () => socket.destroy());
  }

  // The server never listens, it is handed its connections; this event is what starts its deadline for request heads.
  server.emit('listening');

  return {
    serve(socket, connection) {
      const client: Client = { connection, socket, last: null, open: 0, isClosing: false, isDraining: false };
      clients.set(socket, client);
      connection.shutdown = () => {
        client.isDraining = true;
        // Its first request may be on the way: that is answered, with `Connection: close`, or its deadline comes.
        if (client.open === 0 && connection.requests > 0) socket.end();
      };
      server.emit('connection', socket);
    },
    [Symbol.dispose]() {
      server.close();
    },
  };
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** Null: the connection broke, there is nobody to answer. */
function reasonOf(error: NodeJS.ErrnoException): Reason | null {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'limit_header_bytes';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request_timeout';
    case 'HPE_INVALID_EOF_STATE':
      return null;
    default:
      return error.code?.startsWith('HPE_') ? 'request_invalid' : null;
  }
}

/** Only WebSocket: `Upgrade: h2c` and the like are served as if they had not asked (RFC 9110 §7.8). */
function isWebSocket(request: IncomingMessage): boolean {
  const { headers } = request;
  return (
    request.method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['transfer-encoding'] === undefined &&
    (headers['content-length'] ?? '0') === '0'
  );
}

class Http1Front implements Front {
  readonly head: RawHead;
  readonly isUpgrade: boolean = false;
  readonly source: Readable;
  listener: FrontListener | null = null;
  protected readonly client: Client;
  protected readonly response: ServerResponse;
  readonly #request: IncomingMessage;
  readonly #expects: boolean;
  #hasProceeded = false;
  #isClosed = false;

  constructor(client: Client, request: IncomingMessage, response: ServerResponse, expects: boolean) {
    this.client = client;
    this.response = response;
    this.source = request;
    this.#request = request;
    this.#expects = expects;
    this.head = {
      protocol: 'http1',
      version: request.httpVersion,
      method: request.method ?? '',
      target: request.url ?? '',
      authority: null,
      raw: request.rawHeaders,
      fieldsFrom: 0,
      endsStream: false,
    };
    response.on('close', () => this.close(response.writableFinished));
  }

  /** True while the request is still coming in. */
  get isReading(): boolean {
    return !this.#request.complete;
  }

  trailers(): readonly string[] {
    return this.#request.rawTrailers;
  }

  proceed(): void {
    if (!this.#expects || this.#hasProceeded) return;
    this.#hasProceeded = true;
    this.response.writeContinue();
  }

  informational(status: number, fields: readonly string[]): void {
    if (this.head.version === '1.0' || this.response.headersSent) return;
    const headers: Record<string, string | string[]> = {};
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] ?? '';
      const before = headers[name];
      const value = fields[i + 1] ?? '';
      headers[name] = before === undefined ? value : [before, value].flat();
    }
    if (status === 103) this.response.writeEarlyHints(headers);
    else if (status === 102) this.response.writeProcessing();
  }

  respond(status: number, fields: string[], options: RespondOptions): void {
    // A client that waits for 100 and got its answer first may send the body or not: nobody can tell what comes next.
    if (options.closes || (this.#expects && !this.#hasProceeded)) {
      this.client.isClosing = true;
      fields.push('connection', 'close');
    }
    this.response.writeHead(status, fields);
  }

  write(chunk: Buffer): boolean {
    if (this.response.destroyed || this.response.write(chunk)) return true;
    this.response.once('drain', () => this.listener?.drained());
    return false;
  }

  end(trailers: readonly string[] | null): void {
    if (this.response.destroyed) return;
    if (trailers && this.response.chunkedEncoding) {
      const pairs: [string, string][] = [];
      for (let i = 0; i < trailers.length; i += 2) pairs.push([trailers[i] ?? '', trailers[i + 1] ?? '']);
      this.response.addTrailers(pairs);
    }
    this.response.end();
  }

  abort(): void {
    this.client.connection.raw.resetAndDestroy();
  }

  tunnel(_fields: string[]): Duplex {
    throw new Error('no upgrade was asked for');
  }

  protected close(isComplete: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.client.open--;
    this.listener?.closed(isComplete);
    if (isComplete && this.isReading) this.#linger();
    if (this.client.isDraining && this.client.open === 0) this.client.socket.end();
  }

  /** Closing at once would reset the connection under a response the client is still to read. */
  #linger(): void {
    const request = this.#request;
    request.resume();
    setTimeout(() => {
      if (!request.complete) this.client.connection.raw.destroy();
    }, LINGER_MS).unref();
  }
}

/** A WebSocket handshake: the HTTP server has let the socket go, so the response brings its own. */
class Http1Upgrade extends Http1Front {
  override readonly isUpgrade = true;
  readonly #socket: TLSSocket;
  readonly #early: Buffer;

  constructor(client: Client, request: IncomingMessage, socket: TLSSocket, early: Buffer) {
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    response.shouldKeepAlive = false;
    super(client, request, response, false);
    this.#socket = socket;
    this.#early = early;
    response.on('finish', () => {
      response.detachSocket(socket);
      socket.destroySoon();
      this.close(true);
    });
  }

  override tunnel(fields: string[]): Duplex {
    const socket = this.#socket;
    this.response.detachSocket(socket);
    let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
    for (let i = 0; i < fields.length; i += 2) head += `${fields[i] ?? ''}: ${fields[i + 1] ?? ''}\r\n`;
    socket.write(`${head}\r\n`, 'latin1');
    // What the client sent ahead of the 101 waits for it (CVE-2026-2833).
    if (this.#early.length > 0) socket.unshift(this.#early);
    socket.once('close', () => this.client.open--);
    return socket;
  }
}
