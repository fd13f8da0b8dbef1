import { z } from 'zod';
import type { LogLevel } from '../logging/index.ts';
import { duration, fileMode, filePath, filePathOrNone, listenAddress, listenAddressOrOff } from './fields.ts';

/**
 * The sections that every server shares (DESIGN §5), as object schemas that a service may `.extend()`.
 * Wrap one in `section()` where all its keys have defaults, so that it may be left out of the file.
 */
export function section<S extends z.ZodObject>(schema: S): z.ZodPrefault<S> {
  // An empty table is a valid input exactly when every key has a default; otherwise loading names the missing ones.
  return schema.prefault({} as z.input<S>);
}

export function databaseSection(service: string) {
  return z.strictObject({
    path: filePath().prefault(`/srv/${service}/${service}.db`).describe('The SQLite database.'),
  });
}

export function adminSection(service: string) {
  return z.strictObject({
    socket: filePath().prefault(`/srv/${service}/${service}.sock`).describe('The Unix socket of the admin gRPC API.'),
    mode: fileMode().prefault('0660').describe("The socket's file mode, in octal."),
    group: z.string().default('').describe("The socket's group; empty: the process's own."),
  });
}

/** `addr: null` means that no metrics are served. */
export function metricsSection(defaultAddr = '') {
  return z.strictObject({
    addr: listenAddressOrOff().prefault(defaultAddr).describe('Address of the Prometheus metrics; empty: none.'),
  });
}

/** Not `fatal`: nobody wants a server that keeps its errors to itself. */
const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

export function logSection() {
  return z.strictObject({
    level: z.enum(logLevels).default('info').describe('The least severe level that is logged.'),
  });
}

export function serverSection(defaults: { listenAddr?: string } = {}) {
  return z.strictObject({
    listen_addr: listenAddress()
      .prefault(defaults.listenAddr ?? ':8443')
      .describe('Address of the REST API and web pages.'),
    grpc_addr: listenAddressOrOff().prefault('').describe('Address of the gRPC API; empty: none.'),
    tls: z.enum(['on', 'off']).default('on').describe('"off" only on loopback or container-private addresses.'),
    tls_cert: filePathOrNone().prefault('').describe('PEM certificate chain.'),
    tls_key: filePathOrNone().prefault('').describe('PEM private key.'),
    shutdown_timeout: duration().prefault('30s').describe('How long SIGTERM waits for requests in flight.'),
  });
}
