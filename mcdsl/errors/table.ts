import { commonRows } from './common.ts';
import type { CommonCode } from './common.ts';
import { grpcStatus } from './grpc-status.ts';
import type { GrpcStatusName } from './grpc-status.ts';
import { SystemError } from './system-error.ts';
import type { ErrorDetails, ErrorOptions } from './system-error.ts';

export type ErrorRow = {
  readonly http: number;
  readonly grpc: GrpcStatusName;
  /** True when the same request, unchanged, may succeed later. */
  readonly retry: boolean;
  /** The text when the place that raises the error has nothing better to say. */
  readonly message?: string;
};

export type ErrorTable<Code extends string> = {
  readonly system: string;
  /** Every code of the system, the common ones included. */
  readonly rows: Readonly<Record<Code, ErrorRow>>;
  /** @param message what was wrong, where, and what to do; sent to the caller */
  error(code: Code, message?: string, details?: ErrorDetails, options?: ErrorOptions): SystemError<Code>;
  /** Whether the error came from this table, with that code if one is given. */
  is<C extends Code>(error: unknown, code?: C): error is SystemError<C>;
};

/** The codes of a table, for signatures: `TableCode<typeof proxyErrors>`. */
export type TableCode<T> = T extends ErrorTable<infer Code> ? Code : never;

const systemPattern = /^[a-z][a-z0-9_]{0,31}$/;
const codePattern = /^[a-z][a-z0-9]*(_[a-z0-9]+)*(\.[a-z][a-z0-9]*(_[a-z0-9]+)*)?$/;

/**
 * Defines the closed error table of one system: the common codes and its own. A code is lower-case words joined by `_`,
 * with at most one `area.` before it.
 * @throws Error when the system or a code is malformed, a common code is redefined, or a row has no possible mapping
 */
export function defineErrors<Code extends string>(
  system: string,
  own: Readonly<Record<Code, ErrorRow>>,
): ErrorTable<Code | CommonCode> {
  if (!systemPattern.test(system)) throw new Error(`error table: bad system name ${JSON.stringify(system)}`);
  for (const [code, row] of Object.entries<ErrorRow>(own)) checkRow(system, code, row);
  const rows = Object.freeze({ ...commonRows, ...own }) as Readonly<Record<Code | CommonCode, ErrorRow>>;
  return Object.freeze({
    system,
    rows,
    error(code: Code | CommonCode, message?: string, details: ErrorDetails = {}, options: ErrorOptions = {}) {
      const row = rows[code];
      return new SystemError({
        ...options,
        system,
        code,
        http: row.http,
        grpc: row.grpc,
        retry: row.retry,
        message: message ?? row.message ?? code.replaceAll('_', ' '),
        details,
      });
    },
    is<C extends Code | CommonCode>(error: unknown, code?: C): error is SystemError<C> {
      return error instanceof SystemError && error.system === system && (code === undefined || error.code === code);
    },
  });
}

function checkRow(system: string, code: string, row: ErrorRow): void {
  const where = `error table ${system}: code ${JSON.stringify(code)}`;
  if (code.length > 64 || !codePattern.test(code)) throw new Error(`${where} is malformed`);
  if (Object.hasOwn(commonRows, code)) throw new Error(`${where} is a common code and cannot be defined again`);
  if (!Number.isInteger(row.http) || row.http < 400 || row.http > 599) {
    throw new Error(`${where} has HTTP status ${row.http}, which is no error status`);
  }
  if (!Object.hasOwn(grpcStatus, row.grpc) || row.grpc === 'OK') {
    throw new Error(`${where} has gRPC status ${String(row.grpc)}, which is no error status`);
  }
}
