import { randomBytes } from 'node:crypto';

import { commonRows } from './common.ts';
import { grpcStatus } from './grpc-status.ts';
import { SystemError } from './system-error.ts';
import type { ErrorDetails } from './system-error.ts';

export type WireBody = {
  readonly error: { readonly code: string; readonly message: string; readonly details: ErrorDetails };
};

/** One error as both edges send it: REST uses `http`, `body` and `Retry-After`, gRPC uses `grpc`, code and message. */
export type WireError = {
  readonly http: number;
  readonly grpc: number;
  readonly retry: boolean;
  readonly retryAfterSeconds: number | null;
  readonly body: WireBody;
};

/** Receives what the caller is not told: the error as it was, and the id that the caller was given. */
export type ReportInternal = (error: unknown, errorId: string) => void;

/**
 * Maps any thrown value to the wire, once, at the edge. Whatever is not a SystemError becomes `internal`: its text may
 * hold paths or secrets, so the caller gets an id only and `report` gets the error to log.
 */
export function toWire(error: unknown, report: ReportInternal): WireError {
  if (!(error instanceof SystemError)) return internal(error, report);
  const { code, message, http, grpc, retry, retryAfterSeconds } = error;
  const details = retryAfterSeconds === null ? error.details : { ...error.details, retry_after: retryAfterSeconds };
  return { http, grpc: grpcStatus[grpc], retry, retryAfterSeconds, body: { error: { code, message, details } } };
}

function internal(error: unknown, report: ReportInternal): WireError {
  const errorId = randomBytes(8).toString('hex');
  report(error, errorId);
  const { http, grpc, retry } = commonRows.internal;
  const message = `internal error; the log has the cause under error_id ${errorId}`;
  return {
    http,
    grpc: grpcStatus[grpc],
    retry,
    retryAfterSeconds: null,
    body: { error: { code: 'internal', message, details: { error_id: errorId } } },
  };
}
