import type { ErrorRow } from './table.ts';

/** The codes that every system has. A system adds its own beside them and can redefine none of these. */
export const commonRows = {
  invalid_argument: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  unauthenticated: { http: 401, grpc: 'UNAUTHENTICATED', retry: false },
  permission_denied: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  not_found: { http: 404, grpc: 'NOT_FOUND', retry: false },
  method_not_allowed: { http: 405, grpc: 'UNIMPLEMENTED', retry: false },
  already_exists: { http: 409, grpc: 'ALREADY_EXISTS', retry: false },
  conflict: { http: 409, grpc: 'ABORTED', retry: true },
  failed_precondition: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  too_large: { http: 413, grpc: 'RESOURCE_EXHAUSTED', retry: false },
  unsupported_media_type: { http: 415, grpc: 'INVALID_ARGUMENT', retry: false },
  resource_exhausted: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  cancelled: { http: 499, grpc: 'CANCELLED', retry: false },
  internal: { http: 500, grpc: 'INTERNAL', retry: false },
  unimplemented: { http: 501, grpc: 'UNIMPLEMENTED', retry: false },
  unavailable: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  draining: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  deadline_exceeded: { http: 504, grpc: 'DEADLINE_EXCEEDED', retry: true },
} as const satisfies Record<string, ErrorRow>;

export type CommonCode = keyof typeof commonRows;
