import { createHash, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { z } from 'zod';

import { content, defineApi, json, jsonBody, noContent, redirect, route } from '../../http/index.ts';
import { startServer } from '../../http/test/fixture.ts';
import type { TestServer } from '../../http/test/fixture.ts';
import { newSecret } from '../../secrets/index.ts';
import { authErrors, mciasSection } from '../index.ts';
import type { MciasConfig } from '../index.ts';

export type StandInAccount = {
  readonly name: string;
  readonly type: 'human' | 'system';
  readonly roles: readonly string[];
};

type Token = StandInAccount & {
  id: string;
  sid: string | null;
  issuedAtMs: number;
  expiresAtMs: number;
  reason: string | null;
};

/**
 * A stand-in for mcias, until the real one can be started here: a real HTTPS server with the documented endpoints that services call,
 * over a table of tokens that tests write to.
 */
export type StandIn = AsyncDisposable & {
  readonly server: TestServer;
  readonly tokens: Map<string, Token>;
  /** Names of the calls so far, in order. */
  readonly calls: string[];
  /** Who a browser at /sso/authorize is; null: the policy denies. */
  signedIn: StandInAccount | null;
  /** What /sso/authorize says it is. */
  issuer: string;
  /** Answers wait for it. */
  gate: Promise<void>;
  /** What validate answers instead. */
  instead: (() => never) | null;
  issue(account: StandInAccount, lifeMs?: number): string;
  config(more?: Partial<MciasConfig>): MciasConfig;
};

export const ann: StandInAccount = { name: 'ann', type: 'human', roles: ['user'] };
export const guest: StandInAccount = { name: 'guy', type: 'human', roles: ['guest'] };
export const agent: StandInAccount = { name: 'mcp-agent', type: 'system', roles: [] };

const hourMs = 3_600_000;
const context = { service_name: z.string(), tags: z.array(z.string()) };

export async function startStandIn(): Promise<StandIn> {
  const tokens = new Map<string, Token>();
  const codes = new Map<string, { challenge: string; redirectUri: string; account: StandInAccount }>();
  const calls: string[] = [];
  const state: Pick<StandIn, 'signedIn' | 'issuer' | 'gate' | 'instead'> = {
    signedIn: ann,
    issuer: '',
    gate: Promise.resolve(),
    instead: null,
  };
  const issue = (account: StandInAccount, lifeMs = hourMs, sid: string = randomUUID()): string => {
    const issuedAtMs = Math.floor(Date.now() / 1000) * 1000;
    const claims = { iat: issuedAtMs / 1000, exp: Math.floor((issuedAtMs + lifeMs) / 1000), jti: newSecret() };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'EdDSA', typ: 'at+jwt' })}.${part(claims)}.${newSecret()}`;
    const ends = { issuedAtMs, expiresAtMs: issuedAtMs + lifeMs };
    tokens.set(token, {
      ...account,
      ...ends,
      id: randomUUID(),
      sid: account.type === 'human' ? sid : null,
      reason: null,
    });
    return token;
  };
  const grantOf = (token: string) => {
    const { name, type, roles, id, issuedAtMs, expiresAtMs } = tokens.get(token)!;
    const half = new Date((issuedAtMs + expiresAtMs) / 2);
    const account = { id: `id-${name}`, name, type, roles };
    return { token, expires_at: new Date(expiresAtMs), renew_after: half, account, token_id: id };
  };
  const holder = (header: string | null): [string, Token] => {
    const token = header?.slice('Bearer '.length) ?? '';
    const held = tokens.get(token);
    if (held === undefined || held.reason !== null) throw authErrors.error('invalid_token');
    return [token, held];
  };

  const api = defineApi({
    routes: {
      validate: route({
        method: 'POST',
        path: '/v1/token/validate',
        body: jsonBody(z.strictObject({ token: z.string(), ...context })),
        async answer({ body }) {
          calls.push(`validate ${body.service_name} ${body.tags.join(',')}`);
          await state.gate;
          state.instead?.();
          const held = tokens.get(body.token);
          if (held === undefined) return json(200, { valid: false, reason: 'invalid' });
          if (held.reason !== null) return json(200, { valid: false, reason: held.reason });
          return json(200, {
            valid: true,
            account_id: `id-${held.name}`,
            username: held.name,
            account_type: held.type,
            roles: held.roles,
            audience: [body.service_name],
            ...(held.sid === null ? {} : { session_id: held.sid }),
            amr: ['pwd'],
            auth_time: new Date(held.issuedAtMs),
            issued_at: new Date(held.issuedAtMs),
            expires_at: new Date(held.expiresAtMs),
            token_id: held.id,
            policy: { reason: 'rule_allow', rule_id: 1 },
          });
        },
      }),
      login: route({
        method: 'POST',
        path: '/v1/auth/login',
        body: jsonBody(
          z.strictObject({
            username: z.string(),
            password: z.string(),
            totp_code: z.string().optional(),
            client_ip: z.string().optional(),
            ...context,
          }),
        ),
        answer({ body }) {
          calls.push(`login ${body.username} ${body.client_ip ?? ''}`);
          if (body.password !== 'right') throw authErrors.error('invalid_credentials', 'wrong name or password');
          if (body.totp_code === undefined) throw authErrors.error('mfa_required', undefined, { mfa_ticket: 't' });
          return json(200, grantOf(issue({ ...ann, name: body.username })));
        },
      }),
      renew: route({
        method: 'POST',
        path: '/v1/token/renew',
        body: jsonBody(z.strictObject({})),
        answer({ header }) {
          const [, held] = holder(header('authorization'));
          calls.push(`renew ${held.name}`);
          return json(200, grantOf(issue(held, hourMs, held.sid ?? '')));
        },
      }),
      logout: route({
        method: 'POST',
        path: '/v1/auth/logout',
        body: jsonBody(z.strictObject({})),
        answer({ header }) {
          const [, { sid, name }] = holder(header('authorization'));
          calls.push(`logout ${name}`);
          for (const held of tokens.values()) if (held.sid === sid) held.reason = 'revoked';
          return noContent();
        },
      }),
      authorize: route({
        method: 'GET',
        path: '/sso/authorize',
        query: z.strictObject({
          client_id: z.string(),
          redirect_uri: z.string(),
          state: z.string(),
          code_challenge: z.string().length(43),
          code_challenge_method: z.literal('S256'),
          response_type: z.literal('code'),
          prompt: z.literal('login').optional(),
        }),
        answer({ query }) {
          calls.push(`authorize ${query.client_id} ${query.prompt ?? ''}`);
          const to = new URL(query.redirect_uri);
          to.searchParams.set('state', query.state);
          to.searchParams.set('iss', state.issuer);
          if (state.signedIn === null) to.searchParams.set('error', 'access_denied');
          else {
            const code = newSecret();
            codes.set(code, {
              challenge: query.code_challenge,
              redirectUri: query.redirect_uri,
              account: state.signedIn,
            });
            to.searchParams.set('code', code);
          }
          return redirect(to.href);
        },
      }),
      exchange: route({
        method: 'POST',
        path: '/v1/sso/token',
        body: jsonBody(
          z.strictObject({
            code: z.string(),
            client_id: z.string(),
            redirect_uri: z.string(),
            code_verifier: z.string(),
          }),
        ),
        answer({ body }) {
          const code = codes.get(body.code);
          codes.delete(body.code);
          const challenge = createHash('sha256').update(body.code_verifier).digest('base64url');
          if (code?.challenge !== challenge || code.redirectUri !== body.redirect_uri) {
            throw authErrors.error('invalid_grant', 'the code is not good');
          }
          return json(200, grantOf(issue(code.account)));
        },
      }),
      page: route({ method: 'POST', path: '/page', answer: () => content(200, 'text/html', '<h1>Welcome</h1>') }),
    },
    authorization: {
      validate: 'public',
      login: 'public',
      renew: 'public',
      logout: 'public',
      authorize: 'public',
      exchange: 'public',
      page: 'public',
    },
  });
  const server = await startServer([api]);
  state.issuer = server.origin;
  return Object.assign(state, {
    server,
    tokens,
    calls,
    issue,
    config: (more: Partial<MciasConfig> = {}): MciasConfig => ({
      ...mciasSection('demo').parse({ server_url: server.origin, ca_cert: server.tls.caPath, tags: ['env:test'] }),
      ...more,
    }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  });
}

export function writeToken(path: string, token: string, mode = 0o600): string {
  writeFileSync(path, `${token}\n`, { mode });
  return path;
}
