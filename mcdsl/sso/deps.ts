import type { Authenticator, MciasClient } from '../auth/index.ts';
import type { Csrf } from '../csrf/index.ts';
import type { Logger } from '../logging/index.ts';
import type { SessionCookie } from '../sessions/index.ts';
import type { Templates } from '../web/index.ts';

/** What the parts of single sign-on share. */
export type SsoDeps = {
  readonly mcias: MciasClient;
  readonly authenticator: Authenticator;
  readonly session: SessionCookie;
  readonly csrf: Csrf;
  readonly templates: Templates;
  readonly logger: Logger;
  /** The service as browsers see it. */
  readonly origin: string;
  /** Empty: the password form. */
  readonly redirectUri: string;
  /** mcias as browsers see it. */
  readonly issuer: string;
  readonly now: () => number;
};
