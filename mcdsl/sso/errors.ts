import { defineErrors } from '../errors/index.ts';

/** What the pages of single sign-on refuse: always with a page, never with a redirect. */
export const ssoErrors = defineErrors('sso', {
  login_failed: {
    http: 400,
    grpc: 'INVALID_ARGUMENT',
    retry: false,
    message: 'this login was not begun here, or has taken too long',
  },
});
