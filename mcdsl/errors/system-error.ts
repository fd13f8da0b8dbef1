import type { GrpcStatusName } from './grpc-status.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** What a program needs beside the text: shown to the caller as it is, so never a secret. */
export type ErrorDetails = Readonly<Record<string, JsonValue>>;

export type ErrorOptions = {
  readonly cause?: unknown;
  /** When trying again can succeed at the earliest. Becomes `Retry-After` and `details.retry_after`. */
  readonly retryAfterSeconds?: number;
};

export type SystemErrorInit<Code extends string> = ErrorOptions & {
  readonly system: string;
  readonly code: Code;
  readonly http: number;
  readonly grpc: GrpcStatusName;
  readonly retry: boolean;
  readonly message: string;
  readonly details: ErrorDetails;
};

/**
 * A refusal or failure with a code of a closed table. Its message and details are written for the operator and may be
 * sent to the caller; its cause stays in the process. Made by `table.error(…)`, not by hand.
 */
export class SystemError<Code extends string = string> extends Error {
  override readonly name = 'SystemError';
  readonly system: string;
  readonly code: Code;
  readonly http: number;
  readonly grpc: GrpcStatusName;
  readonly retry: boolean;
  readonly details: ErrorDetails;
  readonly retryAfterSeconds: number | null;

  constructor(init: SystemErrorInit<Code>) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.system = init.system;
    this.code = init.code;
    this.http = init.http;
    this.grpc = init.grpc;
    this.retry = init.retry;
    this.details = init.details;
    this.retryAfterSeconds = init.retryAfterSeconds ?? null;
  }
}
