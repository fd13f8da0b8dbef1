import { z } from 'zod';

import { appendAudit } from '../../audit/index.ts';
import { stepUp as steppedUp } from '../../sessions/index.ts';
import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { codeField, passkeyResponse, passwordField, ticketField } from './fields.ts';
import { sourceOf } from './grants.ts';
import { codeProof, missing, passkeyProof } from './login.ts';

/** The caller proves again who they are: a new token whose `auth_time` is now, and another id for the browser's session. */
export function stepUpOperations(deps: ApiDeps) {
  const { store, stepUp, issuer, clock } = deps;

  const run = operation(
    'auth.step_up',
    z.strictObject({
      password: passwordField().optional(),
      totp_code: codeField().optional(),
      recovery_code: codeField().optional(),
      ticket: ticketField().optional(),
      response: passkeyResponse().optional(),
    }),
    async (input, call, person) => {
      const { session, account, claims } = person;
      const { password, response, ticket = null } = input;
      const origin = { ip: call.address, requestId: call.requestId, service: 'mcias' };
      const stepping = { id: session.id, accountId: account.id };
      if ((password === undefined) === (response === undefined)) throw missing('password, or ticket and response,');
      const amr =
        response === undefined
          ? await stepUp.password(stepping, password ?? '', codeProof(input.totp_code, input.recovery_code), origin)
          : await stepUp.passkey(stepping, passkeyProof(ticket, response), origin);
      const now = clock();
      const { token } = store.change((writer) => {
        const { session: stepped } = steppedUp(writer, session.id, amr, now);
        const details = { amr, session: session.id };
        const entry = { ...sourceOf(person, call), target: account.name, service: '', reason: '', details } as const;
        appendAudit(writer, { ...entry, event: 'login.step_up' }, now);
        return issuer.forSession(writer, account, stepped, claims.aud, now);
      });
      return { token, auth_time: new Date(Math.floor(now / 1000) * 1000) };
    },
    { auditsRefusals: true },
  );

  return { run };
}
