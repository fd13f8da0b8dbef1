import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { HealthService } from '../../../proto/gen/grpc/health/v1/health.ts';
import { AccountServiceService as Accounts } from '../../../proto/gen/mcias/v1/account.ts';
import { AuditServiceService as Audit } from '../../../proto/gen/mcias/v1/audit.ts';
import { AuthServiceService as Auth } from '../../../proto/gen/mcias/v1/auth.ts';
import { CredentialServiceService as Credentials } from '../../../proto/gen/mcias/v1/credential.ts';
import { KeyServiceService as Keys } from '../../../proto/gen/mcias/v1/key.ts';
import { PolicyServiceService as Policy, type ExplainRequest } from '../../../proto/gen/mcias/v1/policy.ts';
import { SessionServiceService as Sessions } from '../../../proto/gen/mcias/v1/session.ts';
import { SsoServiceService as Sso } from '../../../proto/gen/mcias/v1/sso.ts';
import { TokenServiceService as Tokens } from '../../../proto/gen/mcias/v1/token.ts';
import { createSoftwareAuthenticator } from '../factors/webauthn/test/software-authenticator.ts';
import { totpCode, totpStep } from '../factors/totp.ts';
import { createGrpcClient, failed, type GrpcClient } from '../test-support/grpc-client.ts';
import {
  createMciasFolder,
  decodeBase32,
  testPassword,
  type MciasFolder,
  type RunningMcias,
} from '../test-support/running-mcias.ts';

let folder: MciasFolder;
let mcias: RunningMcias;
let grpc: GrpcClient;
let admin: string;
const called = new Set<string>();

beforeAll(async () => {
  folder = await createMciasFolder('[auth]\nadmin_requires_mfa = false\n');
  await folder.addPerson('root', ['admin']);
  await folder.addPerson('ann', ['user']);
  mcias = await folder.start();
  const client = createGrpcClient(mcias, folder.caPem);
  grpc = {
    ...client,
    call: (method, request, token) => {
      called.add(method.path);
      return client.call(method, request, token);
    },
    stream: (method, request, token) => {
      called.add(method.path);
      return client.stream(method, request, token);
    },
  };
  admin = await login('root');
});
afterAll(async () => {
  grpc[Symbol.dispose]();
  await mcias[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const loginRequest = { password: testPassword, serviceName: 'mcias', tags: [], audience: [], dryRun: false };

async function login(username: string, password = testPassword, serviceName = 'mcias'): Promise<string> {
  return (await grpc.call(Auth.login, { ...loginRequest, username, password, serviceName })).token;
}

async function newPerson(name: string): Promise<{ token: string; password: string }> {
  const request = { name, type: 'human', roles: ['user'], displayName: '', email: '', groups: [] };
  const { reset } = await grpc.call(Accounts.create, request, admin);
  const password = `first password of ${name}`;
  await grpc.call(Credentials.recover, { ticket: reset?.ticket ?? '', newPassword: password });
  return { token: await login(name, password), password };
}

type Subject = NonNullable<ExplainRequest['subject']>;
const page = (limit: number, cursor = '') => ({ limit, cursor });

describe('gRPC, by grpc-js with the messages of the contracts', () => {
  it('health', async () => {
    expect(await grpc.call(HealthService.check, { service: '' })).toEqual({ status: 1 });
  });

  it('tokens: validate, renew, issue, list, revoke', async () => {
    const token = await login('ann', testPassword, 'mcq');
    const valid = await grpc.call(Tokens.validate, { token, serviceName: 'mcq', tags: [] });
    expect(valid).toMatchObject({
      valid: true,
      username: 'ann',
      roles: ['user'],
      policyRuleId: 1,
      reason: 'rule_allow',
    });
    expect(valid.expiresAt).toBeInstanceOf(Date);
    expect(await grpc.call(Tokens.validate, { token, serviceName: 'mcr', tags: [] })).toMatchObject({
      valid: false,
      reason: 'wrong_audience',
    });
    const line = await mcias.line({ msg: 'request', rpc: '/mcias.v1.TokenService/Validate', reason: 'wrong_audience' });
    expect(line).toMatchObject({ outcome: 'ok', client: '127.0.0.1' });
    const renewed = await grpc.call(Tokens.renew, {}, token);
    expect(renewed.account).toMatchObject({ name: 'ann' });
    const target = { $case: 'token', value: token } as const;
    expect(await grpc.call(Tokens.revoke, { target }, renewed.token)).toEqual({ revoked: 2 });

    const system = { name: 'mcr', type: 'system', roles: [], displayName: '', email: '', groups: [] };
    await grpc.call(Accounts.create, system, admin);
    const issue = { account: 'mcr', ttl: '24h', audience: ['mcq'], label: 'x' };
    const issued = await grpc.call(Tokens.issue, issue, admin);
    const listed = await grpc.call(Tokens.list, { page: undefined, account: 'mcr' }, admin);
    expect(listed.tokens).toMatchObject([{ tokenId: issued.tokenId, audience: ['mcq'], lastUsedAt: undefined }]);
  });

  it('accounts', async () => {
    const request = { name: 'bob', type: 'human', roles: ['guest'], displayName: 'Bob', email: '', groups: ['lab'] };
    const created = await grpc.call(Accounts.create, request, admin);
    expect(created).toMatchObject({ account: { name: 'bob', groups: ['lab'], revision: 1 } });
    expect((await grpc.call(Accounts.get, { account: 'bob' }, admin)).account).toMatchObject({ displayName: 'Bob' });
    const first = await grpc.call(Accounts.list, { page: page(1) }, admin);
    expect(first).toMatchObject({ accounts: [{ name: 'ann' }], nextCursor: 'ann' });
    const change = { account: 'bob', revision: 1, displayName: 'Bobby', groups: { groups: [] } };
    expect((await grpc.call(Accounts.update, change, admin)).account).toMatchObject({
      displayName: 'Bobby',
      groups: [],
    });
    expect(await failed(grpc.call(Accounts.update, change, admin))).toBe('ABORTED conflict');
    const roles = { account: 'bob', revision: 2, roles: ['user'] };
    expect((await grpc.call(Accounts.setRoles, roles, admin)).account).toMatchObject({ roles: ['user'] });
    expect((await grpc.call(Accounts.disable, { account: 'bob', revision: 3 }, admin)).account?.status).toBe(
      'disabled',
    );
    expect((await grpc.call(Accounts.enable, { account: 'bob', revision: 4 }, admin)).account?.status).toBe('enabled');
    expect((await grpc.call(Accounts.unlock, { account: 'bob' }, admin)).account?.name).toBe('bob');
    expect((await grpc.call(Accounts.reset, { account: 'bob' }, admin)).reset?.ticket).toMatch(/^[\w-]{43}$/);
    expect(await grpc.call(Accounts.delete, { account: 'bob', revision: 5 }, admin)).toEqual({});
    expect(await failed(grpc.call(Accounts.get, { account: 'bob' }, admin))).toBe('NOT_FOUND not_found');
  });

  it('own credentials, second factors, sessions', async () => {
    const { token, password } = await newPerson('dora');
    expect((await grpc.call(Credentials.updateProfile, { displayName: 'D' }, token)).profile?.displayName).toBe('D');
    const { secret } = await grpc.call(Credentials.beginTotp, {}, token);
    const code = (offset: number) => totpCode(decodeBase32(secret), totpStep(Date.now()) + offset);
    await grpc.call(Credentials.confirmTotp, { code: code(-1) }, token);
    const { codes } = await grpc.call(Credentials.createRecoveryCodes, {}, token);
    expect((await grpc.call(Credentials.getProfile, {}, token)).profile).toMatchObject({
      hasTotp: true,
      recoveryCodesLeft: 10,
    });

    const error = await grpc.call(Auth.login, { ...loginRequest, username: 'dora', password }).catch((e: unknown) => e);
    const { metadata } = error as { metadata: { get(name: string): Buffer[] } };
    const envelope = JSON.parse(String(metadata.get('mc-error-bin')[0])) as { details: { mfa_ticket: string } };
    const proof = { $case: 'recoveryCode', value: codes[0] ?? '' } as const;
    const granted = await grpc.call(Auth.verifyMfa, { mfaTicket: envelope.details.mfa_ticket, proof });
    const stepUp = { $case: 'password', value: { password, totpCode: code(0) } } as const;
    const stepped = await grpc.call(Auth.stepUp, { proof: stepUp }, granted.token);
    expect(stepped.authTime).toBeInstanceOf(Date);
    expect(await grpc.call(Credentials.removeTotp, {}, stepped.token)).toEqual({});
    await grpc.call(Credentials.setPassword, { new: 'another password' }, stepped.token);

    const mine = await grpc.call(Sessions.list, { page: undefined }, stepped.token);
    expect(mine.sessions).toMatchObject([{ account: 'dora', ip: '127.0.0.1' }]);
    const [session] = (await grpc.call(Sessions.list, { page: undefined, account: 'dora' }, admin)).sessions;
    await grpc.call(Sessions.revoke, { sessionId: session?.sessionId ?? '' }, stepped.token);
    expect(await failed(grpc.call(Auth.logout, { everywhere: false }, stepped.token))).toBe(
      'UNAUTHENTICATED invalid_token',
    );
    expect(await grpc.call(Auth.logout, { everywhere: true }, await login('ann'))).toEqual({});
  });

  it('passkeys, and what an admin sees and takes away', async () => {
    const { token } = await newPerson('emil');
    const authenticator = createSoftwareAuthenticator('https://mcias.example.test');
    const begun = await grpc.call(Credentials.beginPasskey, {}, token);
    const response = authenticator.create(JSON.parse(begun.publicKeyJson) as never);
    const request = { ticket: begun.ticket, responseJson: JSON.stringify(response), name: 'key' };
    const { passkey } = await grpc.call(Credentials.addPasskey, request, token);
    const id = passkey?.id ?? '';
    expect((await grpc.call(Credentials.renamePasskey, { id, name: 'new' }, token)).passkey?.name).toBe('new');
    expect((await grpc.call(Credentials.listPasskeys, {}, token)).passkeys).toMatchObject([{ id, name: 'new' }]);
    const asked = await grpc.call(Auth.passkeyOptions, {});
    const proof = authenticator.get(JSON.parse(asked.publicKeyJson) as never);
    const login = { ticket: asked.ticket, responseJson: JSON.stringify(proof), serviceName: 'mcias', tags: [] };
    expect((await grpc.call(Auth.passkeyVerify, login)).account).toMatchObject({ name: 'emil' });
    expect(await failed(grpc.call(Auth.passkeyVerify, { ...login, responseJson: '{' }))).toBe(
      'INVALID_ARGUMENT invalid_argument',
    );
    const { factors } = await grpc.call(Credentials.listFactors, { account: 'emil' }, admin);
    expect(factors.map(({ kind }) => kind)).toEqual(['password', 'passkey']);
    await grpc.call(Credentials.removePasskey, { id }, token);
    expect(await failed(grpc.call(Credentials.removeFactor, { account: 'emil', factor: id }, admin))).toBe(
      'NOT_FOUND not_found',
    );
  });

  it('policy, explain and dry_run', async () => {
    const { rules, revision } = await grpc.call(Policy.getSet, {}, admin);
    const notBefore = new Date('2026-01-01T00:00:00Z');
    const rule = {
      ...rules[0]!,
      id: 0,
      priority: 100,
      effect: 'deny',
      roles: ['guest'],
      tags: ['env:restricted'],
      notBefore,
    };
    const made = await grpc.call(Policy.createRule, { rule, revision }, admin);
    expect(made.rule).toMatchObject({ priority: 100, tags: ['env:restricted'], notBefore });
    const id = made.rule?.id ?? 0;
    expect((await grpc.call(Policy.getRule, { id }, admin)).rule).toEqual(made.rule);
    expect((await grpc.call(Policy.listRules, { page: page(2) }, admin)).nextCursor).toBe('2');
    const put = { rule: { ...made.rule!, enabled: false }, revision: made.revision };
    expect((await grpc.call(Policy.putRule, put, admin)).rule?.enabled).toBe(false);
    expect(await failed(grpc.call(Policy.putRule, put, admin))).toBe('ABORTED conflict');
    const gone = await grpc.call(Policy.deleteRule, { id, revision: made.revision + 1 }, admin);
    const set = { rules, revision: gone.revision };
    expect((await grpc.call(Policy.replaceSet, set, admin)).rules).toEqual(rules);

    const supposed: Subject = { $case: 'supposed', value: { accountType: 'human', roles: ['admin'] } };
    const explained = await grpc.call(Policy.explain, { subject: supposed, serviceName: 'mcq', tags: [] }, admin);
    expect(explained.policy).toMatchObject({ decision: 'allow', reason: 'admin_bypass', wouldMatch: 'no_match' });
    expect(explained.policy?.trace).toMatchObject([
      { ruleId: 1, matched: false, conditions: { roles: false, tags: true } },
      {},
    ]);
    const attempt = { ...loginRequest, username: 'ann', serviceName: 'mcq', dryRun: true };
    expect(await grpc.call(Auth.login, attempt, admin)).toMatchObject({ token: '', policy: { ruleId: 1 } });
  });

  it('audit: listed, and followed while it is written', async () => {
    const { entries } = await grpc.call(
      Audit.list,
      { page: page(1), filter: { since: undefined, until: undefined, event: 'login.accepted' } },
      admin,
    );
    expect(entries).toMatchObject([{ event: 'login.accepted' }]);
    const afterSeq = entries[0]?.seq ?? 0;
    const followed = grpc.stream(
      Audit.follow,
      { filter: { since: undefined, until: undefined, account: 'hugo' }, afterSeq },
      admin,
    );
    const first = followed.next();
    await newPerson('hugo');
    expect((await first).value).toMatchObject({ entry: { actor: 'root', target: 'hugo', event: 'account.created' } });
    await followed.return(undefined);
  });

  it('keys and clients', async () => {
    expect((await grpc.call(Keys.list, {}, admin)).keys).toMatchObject([{ alg: 'EdDSA', state: 'valid' }]);
    const { keys } = await grpc.call(Keys.rotate, {}, admin);
    const kid = keys.find(({ state }) => state === 'pending')?.kid ?? '';
    expect((await grpc.call(Keys.revoke, { kid }, admin)).key).toMatchObject({ kid, state: 'revoked' });
    expect(await grpc.call(Sso.listClients, {}, admin)).toEqual({ clients: [] });
    const code = { code: 'x', clientId: 'mcq', redirectUri: 'https://a.test/', codeVerifier: 'y' };
    expect(await failed(grpc.call(Sso.exchangeCode, code))).toBe('FAILED_PRECONDITION invalid_grant');
  });

  it('IA-70 every RPC was called, and none but the public ones answers without a token', async () => {
    const methods = [Accounts, Audit, Auth, Credentials, Keys, Policy, Sessions, Sso, Tokens].flatMap((service) =>
      Object.values(service).map(({ path }) => path),
    );
    expect(methods.filter((path) => !called.has(path))).toEqual([]);
    const open: string[] = [];
    for (const path of methods) {
      if (path.endsWith('/Follow')) continue;
      const raw = { path, requestSerialize: () => Buffer.alloc(0), responseDeserialize: (bytes: Buffer) => bytes };
      const answer = await failed(grpc.call(raw, {}));
      if (answer !== 'UNAUTHENTICATED invalid_token') open.push(path.slice(path.indexOf('v1.') + 3));
    }
    expect(open).toEqual([
      'AuthService/Login',
      'AuthService/VerifyMfa',
      'AuthService/PasskeyOptions',
      'AuthService/PasskeyVerify',
      'CredentialService/Recover',
      'SsoService/ExchangeCode',
      'TokenService/Validate',
    ]);
  });
});
