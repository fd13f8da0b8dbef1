import { z } from 'zod';

import {
  createMciasClient,
  createSystemToken,
  createTransport,
  tokenGrant,
  type MciasClient,
  type MciasConfig,
  type TokenGrant,
} from '../../mcdsl/auth/index.ts';
import type { Logger } from '../../mcdsl/logging/index.ts';
import type { Context } from './context.ts';
import { explanation, type Verdict } from './verdict.ts';

export type Credentials = {
  readonly username: string;
  readonly password: string;
  /** Empty: none. */
  readonly totpCode: string;
  /** The browser's, whom mcias's limits are to count. */
  readonly clientAddress: string;
};

/** What mcat asks of mcias. Each call throws a SystemError of `authErrors`: mcias's own refusal, or auth_unavailable. */
export type Mcias = Disposable & {
  readonly client: MciasClient;
  /** Whether mcat has a token of its own; mcias decides whether it is enough to explain. */
  readonly hasToken: boolean;
  /** Verifies the credentials and issues nothing. @throws permission_denied when mcat's account may not ask so */
  dryRun(credentials: Credentials, context: Context): Promise<Verdict>;
  /** A login like any other, whose token is the caller's to end. */
  login(credentials: Credentials, context: Context): Promise<TokenGrant>;
  /** @throws not_found for an unknown account; permission_denied as above */
  explain(account: string, context: Context): Promise<Verdict>;
};

/** @param keepToken whether the token is renewed and its file looked at: for a server, not for one command */
export function createMcias(config: MciasConfig, logger: Logger, keepToken: boolean): Mcias {
  using stack = new DisposableStack();
  let current = (): string | null => null;
  const client = stack.use(createMciasClient(config, logger, () => current()));
  const transport = stack.use(createTransport(config, logger));
  if (config.token_file !== '') {
    const file = { path: config.token_file, logger, renew: client.renew };
    const token = stack.use(createSystemToken(keepToken ? file : { ...file, intervalMs: 0 }));
    current = token.current;
  }
  const all = stack.move();
  return {
    client,
    hasToken: config.token_file !== '',
    async dryRun(credentials, context) {
      const body = { ...loginBody(credentials, context), dry_run: true };
      const answer = z.object({ policy: explanation });
      return (await transport.post({ path: '/v1/auth/login', body, answer, token: current() })).policy;
    },
    login: (credentials, context) =>
      transport.post({
        path: '/v1/auth/login',
        body: loginBody(credentials, context),
        answer: tokenGrant,
        token: current(),
      }),
    explain(account, { serviceName, tags }) {
      const body = { account, service_name: serviceName, tags };
      return transport.post({ path: '/v1/policy/explain', body, answer: explanation, token: current(), safe: true });
    },
    [Symbol.dispose]: () => all.dispose(),
  };
}

function loginBody({ username, password, totpCode, clientAddress }: Credentials, { serviceName, tags }: Context) {
  return {
    username,
    password,
    ...(totpCode === '' ? {} : { totp_code: totpCode }),
    client_ip: clientAddress,
    service_name: serviceName,
    tags,
  };
}
