import { z } from 'zod';

import { appendAudit } from '../../audit/index.ts';
import { refusal } from '../../errors.ts';
import type { CodeProof, Origin, PasskeyResponse, SecondFactorMissing } from '../../login/index.ts';
import { evaluate } from '../../policy/index.ts';
import { endSession, endSessionsOf } from '../../sessions/index.ts';
import { maxAudience, revokeToken } from '../../tokens/index.ts';
import type { Call } from '../call.ts';
import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { explained } from './explained.ts';
import {
  addressOf,
  codeField,
  contextFields,
  contextOf,
  passkeyResponse,
  passwordField,
  text,
  ticketField,
} from './fields.ts';
import { goalOf, grantLogin, loginGoal, sourceOf, type LoginGoal } from './grants.ts';
import { publicKeyJson } from './public-key.ts';

/** Logging in and out. */
export function loginOperations(deps: ApiDeps) {
  const { store, login, stepUp, callers, policy, clock, inForce, countRefusal } = deps;

  /** Whom the address bucket counts. `client_ip` is the word of a service that forwards logins, or of any system account. */
  async function countedAddress(call: Call, clientIp: string | undefined): Promise<string> {
    if (clientIp === undefined) return call.address;
    const isBelieved =
      inForce().forwarders.has(call.address) || (await callers.holder(call))?.account.type === 'system';
    if (isBelieved) return addressOf(clientIp);
    countRefusal('client_ip_ignored');
    call.note({ client_ip: 'ignored' });
    return call.address;
  }

  function askForSecondFactor({ account, methods }: SecondFactorMissing, goal: LoginGoal): Error {
    const { ticket } = store.change((writer) => login.wait(writer, account, goal));
    const challenge = methods.includes('passkey')
      ? { public_key: publicKeyJson(login.beginSecondPasskey(ticket)) }
      : {};
    return refusal('mfa_required', 'mfa_required', {
      details: { mfa_ticket: ticket, methods: [...methods], ...challenge },
    });
  }

  const passwordLogin = operation(
    'auth.login',
    z.strictObject({
      username: text(256),
      password: passwordField(),
      totp_code: codeField().optional(),
      recovery_code: codeField().optional(),
      ...contextFields,
      audience: z.array(text(64)).max(maxAudience).optional(),
      client_ip: text(64).optional(),
      dry_run: z.boolean().optional(),
    }),
    async (input, call) => {
      const context = contextOf(input);
      const goal = goalOf(context, input.audience);
      const isDryRun = input.dry_run === true;
      if (isDryRun) await requireExplainer(deps, call);
      const ip = await countedAddress(call, input.client_ip);
      const origin: Origin = { ip, requestId: call.requestId, service: goal.service };
      const { username, password } = input;
      const secondFactor = codeProof(input.totp_code, input.recovery_code);
      const answer = await login.password({ username, password, secondFactor }, origin);
      if (answer.kind === 'second_factor_missing') {
        // A ticket would end in a token, which a dry run never gives.
        if (isDryRun) throw refusal('mfa_required', 'mfa_required', { details: { methods: [...answer.methods] } });
        throw askForSecondFactor(answer, goal);
      }
      if (!isDryRun) return { kind: 'grant', ...grantLogin(deps, answer, goal, origin, call) } as const;
      const question = { account: answer.account, context, now: clock() };
      return {
        kind: 'dry_run',
        policy: explained(policy.snapshot(), evaluate(policy.snapshot(), question, 'explain')),
      } as const;
    },
    { auditsRefusals: true },
  );

  const secondFactor = operation(
    'auth.mfa',
    z.strictObject({
      mfa_ticket: ticketField(),
      totp_code: codeField().optional(),
      recovery_code: codeField().optional(),
      response: passkeyResponse().optional(),
    }),
    async ({ mfa_ticket: ticket, totp_code, recovery_code, response }, call) => {
      const origin: Origin = { ip: call.address, requestId: call.requestId, service: '' };
      const proof = response === undefined ? codeProof(totp_code, recovery_code) : passkeyProof(null, response);
      if (proof === null) throw missing('totp_code');
      const resumed = await login.secondFactor(ticket, proof, origin);
      const goal = loginGoal.parse(resumed.login);
      return grantLogin(deps, resumed, goal, { ...origin, service: goal.service }, call);
    },
    { auditsRefusals: true },
  );

  const passkeyOptions = operation(
    'auth.passkey_options',
    // The name is not looked up: an answer that depends on it would tell which accounts exist. Passkeys are discoverable. Whoever
    // sends a token is logged in already, so the challenge is for a step-up.
    z.strictObject({ username: text(256).optional() }),
    async (_input, call) => {
      const holder = await callers.holder(call);
      const { account, state } = holder ?? { account: null, state: null };
      const { ticket, publicKey } =
        account !== null && state.sessionId !== null
          ? stepUp.beginPasskey({ id: state.sessionId, accountId: account.id })
          : login.beginPasskey({ ip: call.address, requestId: call.requestId, service: '' });
      return { ticket, public_key: publicKeyJson(publicKey) };
    },
    { auditsRefusals: true },
  );

  const passkeyVerify = operation(
    'auth.passkey_verify',
    z.strictObject({ ticket: ticketField(), response: passkeyResponse(), ...contextFields }),
    async (input, call) => {
      const goal = goalOf(contextOf(input));
      const origin: Origin = { ip: call.address, requestId: call.requestId, service: goal.service };
      const verified = await login.passkey(passkeyProof(input.ticket, input.response), origin);
      return grantLogin(deps, verified, goal, origin, call);
    },
    { auditsRefusals: true },
  );

  const logout = operation(
    'auth.logout',
    z.strictObject({ everywhere: z.boolean().optional() }),
    ({ everywhere = false }, call, holder) => {
      const { account, state } = holder;
      const now = clock();
      store.change((writer) => {
        if (everywhere) endSessionsOf(writer, account.id, 'logout', now);
        else if (state.sessionId !== null) endSession(writer, state.sessionId, 'logout', now);
        else revokeToken(writer, state.tokenId, 'logout', now);
        const details = { everywhere, session: state.sessionId };
        const entry = { ...sourceOf(holder, call), target: account.name, service: '', reason: '', details } as const;
        appendAudit(writer, { ...entry, event: 'logout' }, now);
      });
      return null;
    },
  );

  return { login: passwordLogin, mfa: secondFactor, passkeyOptions, passkeyVerify, logout };
}

async function requireExplainer({ callers }: ApiDeps, call: Call): Promise<void> {
  const holder = await callers.holder(call);
  if (holder === null) throw refusal('permission_denied', 'permission_denied', { message: 'dry_run needs a token' });
  callers.requireExplainer(holder);
}

/** @throws invalid_argument for both at once */
export function codeProof(totp: string | undefined, recovery: string | undefined): CodeProof | null {
  if (totp !== undefined && recovery !== undefined) {
    const message = 'totp_code and recovery_code exclude each other';
    throw refusal('invalid_argument', 'bad_value', { message, details: { field: 'recovery_code' } });
  }
  if (totp !== undefined) return { kind: 'totp', code: totp };
  return recovery === undefined ? null : { kind: 'recovery', code: recovery };
}

export function passkeyProof(ticket: string | null, response: unknown): PasskeyResponse {
  return { kind: 'passkey', ticket, response };
}

export function missing(field: string): Error {
  return refusal('invalid_argument', 'bad_value', { message: `${field} is missing`, details: { field } });
}
