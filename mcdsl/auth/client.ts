import { z } from 'zod';

import { messageOf } from '../errors/index.ts';
import type { Logger } from '../logging/index.ts';
import type { MciasConfig } from './config.ts';
import { authErrors } from './errors.ts';
import { tokenGrant, validation } from './principal.ts';
import type { TokenGrant, Validation } from './principal.ts';
import { createTransport } from './transport.ts';

export type Login = {
  readonly username: string;
  readonly password: string;
  readonly totpCode?: string;
  /** Of the person, when a service forwards their login; believed from `forwarders` and beside a system token only. */
  readonly clientAddress?: string;
};

/**
 * The calls of mcias that services make, each in the context of this service (its name and tags). Every one throws a SystemError of
 * `authErrors`: mcias's own refusal, or auth_unavailable.
 */
export type MciasClient = Disposable & {
  readonly serviceName: string;
  validate(token: string): Promise<Validation>;
  /** @throws mfa_required with `details.mfa_ticket` when a second factor is due */
  login(login: Login): Promise<TokenGrant>;
  /** A new token of the same session and audience. */
  renew(token: string): Promise<TokenGrant>;
  /** Of this token. */
  revoke(token: string): Promise<void>;
  /** Ends the token's session, at every service. */
  logout(token: string): Promise<void>;
  exchangeCode(code: string, redirectUri: string, verifier: string): Promise<TokenGrant>;
};

/** @param systemToken the service's own, sent beside forwarded logins; null: none */
export function createMciasClient(
  config: MciasConfig,
  logger: Logger,
  systemToken: () => string | null = () => null,
): MciasClient {
  const transport = createTransport(config, logger);
  const context = { service_name: config.service_name, tags: config.tags };
  return {
    serviceName: config.service_name,
    async validate(token) {
      try {
        return await transport.post({
          path: '/v1/token/validate',
          body: { token, ...context },
          answer: validation,
          safe: true,
        });
      } catch (cause) {
        if (authErrors.is(cause, 'auth_unavailable')) throw cause;
        // Refused is our question, not the token: a service_name that mcias does not take, or its own overload.
        logger.error('mcias refuses to validate tokens for this service', { ...context, reason: messageOf(cause) });
        throw authErrors.error(
          'auth_unavailable',
          undefined,
          { reason: 'refused_question' },
          { cause, retryAfterSeconds: 5 },
        );
      }
    },
    login({ username, password, totpCode, clientAddress }) {
      const body = {
        username,
        password,
        ...(totpCode === undefined ? {} : { totp_code: totpCode }),
        ...(clientAddress === undefined ? {} : { client_ip: clientAddress }),
        ...context,
      };
      return transport.post({ path: '/v1/auth/login', body, answer: tokenGrant, token: systemToken() });
    },
    renew: (token) => transport.post({ path: '/v1/token/renew', body: {}, answer: tokenGrant, token }),
    async revoke(token) {
      await transport.post({ path: '/v1/token/revoke', body: { token }, answer: z.unknown(), token });
    },
    async logout(token) {
      await transport.post({ path: '/v1/auth/logout', body: {}, answer: z.unknown(), token });
    },
    exchangeCode(code, redirectUri, verifier) {
      const body = { code, client_id: config.service_name, redirect_uri: redirectUri, code_verifier: verifier };
      return transport.post({ path: '/v1/sso/token', body, answer: tokenGrant });
    },
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}
