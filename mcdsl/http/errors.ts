import { defineErrors } from '../errors/index.ts';

/** What the edge itself refuses. `details.reason` is the finer word of logs and metrics. */
export const httpErrors = defineErrors('http', {
  request_timeout: { http: 408, grpc: 'DEADLINE_EXCEEDED', retry: true },
  https_required: { http: 400, grpc: 'FAILED_PRECONDITION', retry: false },
});
