import { defineErrors } from '../../../mcdsl/errors/index.ts';

/** What mciasctl itself refuses. What mcias refuses keeps its own code. */
export const ctlErrors = defineErrors('mciasctl', {
  file_refused: { http: 400, grpc: 'FAILED_PRECONDITION', retry: false },
  not_logged_in: {
    http: 401,
    grpc: 'UNAUTHENTICATED',
    retry: false,
    message: 'nobody is logged in there; run mciasctl login, or name a token with --token-file',
  },
  login_failed: { http: 401, grpc: 'UNAUTHENTICATED', retry: false },
});
