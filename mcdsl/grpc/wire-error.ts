import { Metadata } from '@grpc/grpc-js';
import type { ServiceError, StatusObject } from '@grpc/grpc-js';

import { commonRows, grpcStatus, SystemError, toWire } from '../errors/index.ts';
import type { CommonCode, ErrorDetails, GrpcStatusName, ReportInternal } from '../errors/index.ts';

/** Plain text, so that any gRPC tool shows the code. */
export const codeHeader = 'mc-error-code';
/** The whole error as JSON, for our own clients. */
export const errorHeader = 'mc-error-bin';

// HTTP/2 peers bound a header block (64 KiB in nghttp2): an error that breaks the connection would hide itself.
const messageMaxChars = 4096;
const detailsMaxBytes = 8192;

/** Maps any thrown value to the status that ends a call: message in `details`, code and details in the trailers. */
export function toGrpcStatus(error: unknown, report: ReportInternal): StatusObject {
  const wire = toWire(error, report);
  const { code, message, details } = wire.body.error;
  const system = error instanceof SystemError ? error.system : 'mcdsl';
  const envelope = { system, code, http: wire.http, retry: wire.retry, details };
  let bytes = Buffer.from(JSON.stringify(envelope));
  if (bytes.length > detailsMaxBytes) {
    bytes = Buffer.from(JSON.stringify({ ...envelope, details: { details_dropped_bytes: bytes.length } }));
  }
  const metadata = new Metadata();
  metadata.set(codeHeader, code);
  metadata.set(errorHeader, bytes);
  const cut = message.length > messageMaxChars ? `${message.slice(0, messageMaxChars)} … (cut)` : message;
  return { code: wire.grpc, details: cut, metadata };
}

/** The error that a call of ours ended with: the server's own where it sent one, else the gRPC library's. */
export function fromServiceError(error: ServiceError): SystemError {
  const grpc = statusName(error.code);
  const sent = parseEnvelope(error.metadata?.get(errorHeader)[0]);
  if (sent !== null) return new SystemError({ ...sent, grpc, message: error.details });
  const code = commonCodeOf(grpc);
  const { http, retry } = commonRows[code];
  return new SystemError({
    system: 'grpc',
    code,
    http,
    grpc,
    retry,
    message: error.details,
    details: {},
    cause: error,
  });
}

type Envelope = { system: string; code: string; http: number; retry: boolean; details: ErrorDetails };

function parseEnvelope(value: string | Buffer | undefined): Envelope | null {
  if (!Buffer.isBuffer(value)) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(value.toString('utf8'));
  } catch {
    // Not ours: the status and message of the call still tell the caller what happened.
    return null;
  }
  return isEnvelope(parsed) ? parsed : null;
}

function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null) return false;
  const { system, code, http, retry, details } = value as Partial<Record<keyof Envelope, unknown>>;
  return (
    typeof system === 'string' &&
    typeof code === 'string' &&
    typeof http === 'number' &&
    typeof retry === 'boolean' &&
    typeof details === 'object' &&
    details !== null &&
    !Array.isArray(details)
  );
}

function statusName(code: number): GrpcStatusName {
  for (const [name, number] of Object.entries(grpcStatus)) if (number === code) return name as GrpcStatusName;
  return 'UNKNOWN';
}

/** The common code with that status; the first one listed, which is the general one. */
function commonCodeOf(grpc: GrpcStatusName): CommonCode {
  for (const [code, row] of Object.entries(commonRows)) if (row.grpc === grpc) return code as CommonCode;
  return 'internal';
}
