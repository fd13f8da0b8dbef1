import { defineErrors } from '../errors/index.ts';

export const systemdErrors = defineErrors('systemd', {
  activation_invalid: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
});
