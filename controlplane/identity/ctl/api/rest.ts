import type { CallOptions } from '../../../../mcdsl/grpc/index.ts';
import * as account from '../../../../proto/gen/mcias/v1/account.ts';
import * as auth from '../../../../proto/gen/mcias/v1/auth.ts';
import { TokenGrant } from '../../../../proto/gen/mcias/v1/common.ts';
import * as credential from '../../../../proto/gen/mcias/v1/credential.ts';
import * as key from '../../../../proto/gen/mcias/v1/key.ts';
import * as policy from '../../../../proto/gen/mcias/v1/policy.ts';
import * as session from '../../../../proto/gen/mcias/v1/session.ts';
import * as sso from '../../../../proto/gen/mcias/v1/sso.ts';
import * as token from '../../../../proto/gen/mcias/v1/token.ts';
import type { Api, ApiOptions } from './api.ts';
import { fieldsOf, queryOf, type Fields } from './fields.ts';
import { createHttpClient, type HttpRequest } from './http-client.ts';
import { decisionOf, followAudit, listAudit, validation } from './rest-answers.ts';

type Message<T> = { fromJSON(json: unknown): T };
export type Send = (
  method: HttpRequest['method'],
  path: string,
  fields: Fields,
  signal?: AbortSignal,
) => Promise<unknown>;

/** @throws Error when the file of the CA cannot be read */
export function restApi(options: ApiOptions): Api {
  const http = createHttpClient(options.target);

  /** Fields that stand in the path leave it; the rest is query or body. */
  const send: Send = (method, template, fields, signal) => {
    const rest = { ...fields };
    const path = template.replace(/:([a-z_]+)/g, (_, name: string) => {
      const value = String(rest[name]);
      delete rest[name];
      return encodeURIComponent(value);
    });
    const hasBody = method !== 'GET' && method !== 'DELETE';
    const place = hasBody ? { path, body: rest } : { path: `${path}${queryOf(rest)}` };
    return http.send({ method, ...place, token: options.token(), signal });
  };
  const call =
    <Request extends object, T>(
      method: HttpRequest['method'],
      path: string,
      answer: (json: unknown) => T,
      fields: (request: Request) => Fields = fieldsOf,
    ) =>
    async (request: Request, { signal }: CallOptions = {}): Promise<T> =>
      answer(await send(method, path, fields(request), signal));
  const of =
    <T>(message: Message<T>) =>
    (json: unknown): T =>
      message.fromJSON(json);
  /** REST answers with the one thing itself where the contract wraps it. */
  const only =
    <T>(message: Message<T>, field: string) =>
    (json: unknown): T =>
      message.fromJSON({ [field]: json });
  const nothing = () => ({});

  return {
    auth: {
      login: call('POST', '/v1/auth/login', of(auth.LoginResponse)),
      verifyMfa: call('POST', '/v1/auth/mfa', of(TokenGrant)),
      stepUp: call('POST', '/v1/auth/step-up', of(auth.StepUpResponse), stepUpFields),
      logout: call('POST', '/v1/auth/logout', nothing),
    },
    tokens: {
      validate: call('POST', '/v1/token/validate', validation),
      renew: call('POST', '/v1/token/renew', of(TokenGrant)),
      revoke: call('POST', '/v1/token/revoke', of(token.RevokeResponse)),
      issue: call('POST', '/v1/token/issue', of(token.IssueResponse)),
      list: call('GET', '/v1/tokens', of(token.ListTokensResponse)),
    },
    sso: {
      exchangeCode: call('POST', '/v1/sso/token', of(TokenGrant)),
      listClients: call('GET', '/v1/sso/clients', of(sso.ListClientsResponse)),
    },
    accounts: {
      list: call('GET', '/v1/accounts', of(account.ListAccountsResponse)),
      get: call('GET', '/v1/accounts/:account', only(account.GetAccountResponse, 'account')),
      create: call('POST', '/v1/accounts', of(account.CreateAccountResponse)),
      update: call('PATCH', '/v1/accounts/:account', only(account.UpdateAccountResponse, 'account'), updateFields),
      delete: call('DELETE', '/v1/accounts/:account', nothing),
      setRoles: call('PUT', '/v1/accounts/:account/roles', only(account.SetRolesResponse, 'account')),
      enable: call('POST', '/v1/accounts/:account/enable', only(account.EnableAccountResponse, 'account')),
      disable: call('POST', '/v1/accounts/:account/disable', only(account.DisableAccountResponse, 'account')),
      unlock: call('POST', '/v1/accounts/:account/unlock', only(account.UnlockAccountResponse, 'account')),
      reset: call('POST', '/v1/accounts/:account/reset', only(account.ResetAccountResponse, 'reset')),
    },
    credentials: {
      getProfile: call('GET', '/v1/me', only(credential.GetProfileResponse, 'profile')),
      listFactors: call('GET', '/v1/accounts/:account/factors', of(credential.ListFactorsResponse)),
      removeFactor: call('DELETE', '/v1/accounts/:account/factors/:factor', nothing),
    },
    sessions: {
      list: call('GET', '/v1/sessions', of(session.ListSessionsResponse)),
      revoke: call('DELETE', '/v1/sessions/:session_id', nothing),
    },
    policy: {
      getSet: call('GET', '/v1/policy', of(policy.GetSetResponse)),
      replaceSet: call('PUT', '/v1/policy', of(policy.ReplaceSetResponse), replaceFields),
      getRule: call('GET', '/v1/policy/rules/:id', of(policy.GetRuleResponse)),
      createRule: call('POST', '/v1/policy/rules', of(policy.CreateRuleResponse), ruleFields),
      putRule: call('PUT', '/v1/policy/rules/:id', of(policy.PutRuleResponse), (request: policy.PutRuleRequest) => ({
        ...ruleFields(request),
        id: request.rule?.id,
      })),
      deleteRule: call('DELETE', '/v1/policy/rules/:id', of(policy.DeleteRuleResponse)),
      explain: call('POST', '/v1/policy/explain', (json) => ({ policy: decisionOf(json) })),
    },
    audit: { list: listAudit(send), follow: followAudit(send) },
    keys: {
      list: call('GET', '/v1/keys', of(key.ListKeysResponse)),
      rotate: call('POST', '/v1/keys/rotate', of(key.RotateKeysResponse)),
      revoke: call('POST', '/v1/keys/:kid/revoke', of(key.RevokeKeyResponse)),
    },
    async health(signal) {
      const answer = (await send('GET', '/v1/health', {}, signal)) as { status?: unknown; version?: unknown };
      return { status: String(answer.status), version: typeof answer.version === 'string' ? answer.version : null };
    },
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

function stepUpFields(request: auth.StepUpRequest): Fields {
  const { totp_code: code, ...fields } = fieldsOf(request);
  return code === '' || code === undefined ? fields : { ...fields, totp_code: code };
}

function updateFields({ groups, ...request }: account.UpdateAccountRequest): Fields {
  return { ...fieldsOf(request), ...(groups === undefined ? {} : { groups: groups.groups }) };
}

/** A rule without an id gets one from the server. */
function ruleOf(rule: policy.PolicyRule): Fields {
  const { id, ...fields } = fieldsOf(rule);
  return id === 0 ? fields : { id, ...fields };
}

function ruleFields({
  rule,
  revision,
}: {
  readonly rule: policy.PolicyRule | undefined;
  readonly revision: number;
}): Fields {
  return { rule: rule && ruleOf(rule), revision };
}

function replaceFields({ rules, revision }: policy.ReplaceSetRequest): Fields {
  return { rules: rules.map(ruleOf), revision };
}
