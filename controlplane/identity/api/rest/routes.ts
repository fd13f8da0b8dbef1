import { content, defineApi, json, route, type Api } from '../../../../mcdsl/http/index.ts';
import type { Keyring } from '../../keys/index.ts';
import type { Operations } from '../operations/index.ts';
import type { Runner } from '../runner.ts';
import { created, endpoint, only, type Endpoint } from './endpoint.ts';

/** Services look at the keys rarely, and a new key is published a day before it signs. */
const jwksSeconds = 300;

/** REST: every row of the API, each an operation. */
export function restApi(operations: Operations, runner: Runner, keyring: Pick<Keyring, 'jwks'>): Api {
  const { auth, tokens, sso, accounts, credentials, sessions, policy, audit, keys } = operations;
  const to = <I, O>(...args: Parameters<typeof endpoint<I, O>> extends [Runner, ...infer Rest] ? Rest : never) =>
    endpoint<I, O>(runner, ...args);

  const endpoints = {
    login: to('POST', '/v1/auth/login', auth.login, ({ kind: _kind, ...answer }) => json(200, answer)),
    mfa: to('POST', '/v1/auth/mfa', auth.mfa),
    passkeyOptions: to('POST', '/v1/auth/passkey/options', auth.passkeyOptions),
    passkeyVerify: to('POST', '/v1/auth/passkey/verify', auth.passkeyVerify),
    stepUp: to('POST', '/v1/auth/step-up', auth.stepUp),
    logout: to('POST', '/v1/auth/logout', auth.logout),

    validate: to('POST', '/v1/token/validate', tokens.validate),
    renew: to('POST', '/v1/token/renew', tokens.renew),
    revoke: to('POST', '/v1/token/revoke', tokens.revoke),
    issue: to('POST', '/v1/token/issue', tokens.issue),
    listTokens: to('GET', '/v1/tokens', tokens.list),

    exchangeCode: to('POST', '/v1/sso/token', sso.exchange),
    listClients: to('GET', '/v1/sso/clients', sso.listClients),

    listAccounts: to('GET', '/v1/accounts', accounts.list),
    createAccount: to('POST', '/v1/accounts', accounts.create, created),
    getAccount: to('GET', '/v1/accounts/:id', accounts.get, only('account')),
    updateAccount: to('PATCH', '/v1/accounts/:id', accounts.update, only('account')),
    deleteAccount: to('DELETE', '/v1/accounts/:id', accounts.remove),
    setRoles: to('PUT', '/v1/accounts/:id/roles', accounts.putRoles, only('account')),
    enableAccount: to('POST', '/v1/accounts/:id/enable', accounts.enable, only('account')),
    disableAccount: to('POST', '/v1/accounts/:id/disable', accounts.disable, only('account')),
    unlockAccount: to('POST', '/v1/accounts/:id/unlock', accounts.unlock, only('account')),
    resetAccount: to('POST', '/v1/accounts/:id/reset', accounts.reset, only('reset')),
    listFactors: to('GET', '/v1/accounts/:id/factors', credentials.listFactors),
    removeFactor: to('DELETE', '/v1/accounts/:id/factors/:factor', credentials.removeFactor),

    getProfile: to('GET', '/v1/me', credentials.getProfile, only('profile')),
    updateProfile: to('PATCH', '/v1/me', credentials.updateProfile, only('profile')),
    setPassword: to('PUT', '/v1/me/password', credentials.setPassword),
    beginTotp: to('POST', '/v1/me/totp', credentials.beginTotp),
    removeTotp: to('DELETE', '/v1/me/totp', credentials.removeTotp),
    confirmTotp: to('POST', '/v1/me/totp/confirm', credentials.confirmTotp),
    createRecoveryCodes: to('POST', '/v1/me/recovery-codes', credentials.createRecoveryCodes),
    beginPasskey: to('POST', '/v1/me/passkeys/options', credentials.beginPasskey),
    listPasskeys: to('GET', '/v1/me/passkeys', credentials.listPasskeys),
    addPasskey: to('POST', '/v1/me/passkeys', credentials.addPasskey, (output) => created(output.passkey)),
    renamePasskey: to('PATCH', '/v1/me/passkeys/:id', credentials.renamePasskey, only('passkey')),
    removePasskey: to('DELETE', '/v1/me/passkeys/:id', credentials.removePasskey),
    recover: to('POST', '/v1/recover', credentials.recover),

    listSessions: to('GET', '/v1/sessions', sessions.list),
    revokeSession: to('DELETE', '/v1/sessions/:session_id', sessions.revoke),

    getPolicy: to('GET', '/v1/policy', policy.getSet),
    replacePolicy: to('PUT', '/v1/policy', policy.replaceSet),
    listRules: to('GET', '/v1/policy/rules', policy.listRules),
    createRule: to('POST', '/v1/policy/rules', policy.createRule, created),
    getRule: to('GET', '/v1/policy/rules/:id', policy.getRule),
    putRule: to('PUT', '/v1/policy/rules/:id', policy.putRule),
    deleteRule: to('DELETE', '/v1/policy/rules/:id', policy.deleteRule),
    explain: to('POST', '/v1/policy/explain', policy.explain, only('policy')),

    listAudit: to('GET', '/v1/audit', audit.list),
    listKeys: to('GET', '/v1/keys', keys.list),
    rotateKeys: to('POST', '/v1/keys/rotate', keys.rotate),
    revokeKey: to('POST', '/v1/keys/:kid/revoke', keys.revoke),
  } satisfies Readonly<Record<string, Endpoint>>;

  const jwks = route({
    method: 'GET',
    path: '/.well-known/jwks.json',
    answer: () =>
      content(200, 'application/jwk-set+json', JSON.stringify(keyring.jwks('mcias')), {
        'cache-control': `public, max-age=${jwksSeconds}`,
      }),
  });
  const targets = mapEntries(endpoints, ({ target }) => target);
  const rules = mapEntries(endpoints, ({ rule }) => rule);
  return defineApi({ routes: { ...targets, jwks }, authorization: { ...rules, jwks: 'public' } });
}

function mapEntries<K extends string, V, T>(record: Readonly<Record<K, V>>, work: (value: V) => T): Record<K, T> {
  return Object.fromEntries(Object.entries<V>(record).map(([key, value]) => [key, work(value)])) as Record<K, T>;
}
