import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type ListenOptions, type Server } from 'node:net';
import { join } from 'node:path';
import { isCode } from './errors.ts';

/** The ports of one box, kept over its starts: routes added at runtime point at the origins' ports. */
export interface Ports {
  readonly proxy: number;
  readonly metrics: number;
  readonly plainOrigin: number;
  readonly tlsOrigin: number;
}

export interface Reservation extends AsyncDisposable {
  readonly port: number;
}

const DEFAULTS: Ports = { proxy: 8443, metrics: 9091, plainOrigin: 18_000, tlsOrigin: 18_001 };

/** What to try first: what the box had before, else the defaults. */
export function preferredPorts(dir: string): Ports {
  const saved = readSaved(join(dir, 'ports.json'));
  const keep = (name: keyof Ports): number => (isPort(saved[name]) ? saved[name] : DEFAULTS[name]);
  return {
    proxy: keep('proxy'),
    metrics: keep('metrics'),
    plainOrigin: keep('plainOrigin'),
    tlsOrigin: keep('tlsOrigin'),
  };
}

export function savePorts(dir: string, ports: Ports): void {
  const file = join(dir, 'ports.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(ports, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

/**
 * The preferred port where it is free on 127.0.0.1, else any free one, kept from other boxes of this machine until disposed of.
 * mc-proxy listens with SO_REUSEPORT, so two boxes that find the same port free at the same moment would share it without an error.
 */
export async function reservePort(preferred: number): Promise<Reservation> {
  for (let port = preferred; ; port = 0) {
    const free = await probe(port);
    const held = free === null ? null : await hold(free);
    if (free !== null && held !== null) return { port: free, [Symbol.asyncDispose]: () => close(held) };
  }
}

/** Listens on the preferred port of 127.0.0.1, or on any free one when that is taken, and returns which it is. */
export async function listenPreferably(server: Server, preferred: number): Promise<number> {
  const options = { host: '127.0.0.1', port: preferred };
  if (!(await listen(server, options))) await listen(server, { ...options, port: 0 });
  return portOf(server);
}

/** Without SO_REUSEPORT, so that a port which another mc-proxy shares counts as taken. */
async function probe(port: number): Promise<number | null> {
  const server = createServer();
  if (!(await listen(server, { host: '127.0.0.1', port }))) return null;
  const found = portOf(server);
  await close(server);
  return found;
}

/** An abstract Unix socket: one a network namespace, as ports are, and gone with its process however that ends. */
async function hold(port: number): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  return (await listen(server, { path: `\0metacircular-box-port-${port}` })) ? server : null;
}

/** False when the address is taken or not for this user. */
function listen(server: Server, options: ListenOptions): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error): void => {
      server.removeListener('listening', listening);
      if (isCode(error, 'EADDRINUSE', 'EACCES')) resolve(false);
      else reject(error);
    };
    const listening = (): void => {
      server.removeListener('error', refused);
      resolve(true);
    };
    server.once('error', refused).once('listening', listening).listen(options);
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

function readSaved(file: string): Partial<Record<keyof Ports, unknown>> {
  try {
    const saved: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof saved === 'object' && saved !== null ? saved : {};
  } catch (error) {
    if (error instanceof SyntaxError || isCode(error, 'ENOENT')) return {};
    throw error;
  }
}
