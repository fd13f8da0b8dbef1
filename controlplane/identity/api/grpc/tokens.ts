import {
  SessionServiceService,
  type ListSessionsRequest,
  type RevokeSessionRequest,
} from '../../../../proto/gen/mcias/v1/session.ts';
import { TokenServiceService } from '../../../../proto/gen/mcias/v1/token.ts';
import type {
  IssueRequest,
  ListTokensRequest,
  RenewRequest,
  RevokeRequest,
  ValidateRequest,
  ValidateResponse,
} from '../../../../proto/gen/mcias/v1/token.ts';
import { defineService } from '../../../../mcdsl/grpc/index.ts';
import type { Operations } from '../operations/index.ts';
import { camel } from './camel.ts';
import { lastPage, nothing, pageFields, serve, type Rpcs } from './rpc.ts';

export function tokenService({ tokens }: Operations, { rpc }: Rpcs) {
  return defineService(
    TokenServiceService,
    serve({
      validate: rpc(
        tokens.validate,
        ({ token, serviceName, tags }: ValidateRequest) => ({ token, service_name: serviceName, tags }),
        (output): ValidateResponse => {
          if (!output.valid) return { ...notValid, reason: output.reason };
          const { policy, roles, audience, amr, ...facts } = output;
          const { reason, rule_id: policyRuleId } = policy;
          return {
            ...camel(facts),
            roles: [...roles],
            audience: [...audience],
            amr: [...amr],
            reason,
            ...(policyRuleId === null ? {} : { policyRuleId }),
          };
        },
      ),
      renew: rpc(tokens.renew, (_request: RenewRequest) => ({}), camel),
      revoke: rpc(tokens.revoke, ({ target }: RevokeRequest) => targetOf(target), camel),
      issue: rpc(
        tokens.issue,
        ({ account, ttl, audience, label }: IssueRequest) => ({ account, ttl, audience, label }),
        camel,
      ),
      list: rpc(
        tokens.list,
        ({ page, account, expiringWithin }: ListTokensRequest) => ({
          ...pageFields(page),
          account,
          expiring_within: expiringWithin,
        }),
        (output) => ({ tokens: camel(output.tokens), ...lastPage(output) }),
      ),
    }),
  );
}

export function sessionService({ sessions }: Operations, { rpc }: Rpcs) {
  return defineService(
    SessionServiceService,
    serve({
      list: rpc(
        sessions.list,
        ({ page, account }: ListSessionsRequest) => ({ ...pageFields(page), account }),
        (output) => ({ sessions: camel(output.sessions), ...lastPage(output) }),
      ),
      revoke: rpc(sessions.revoke, ({ sessionId }: RevokeSessionRequest) => ({ session_id: sessionId }), nothing),
    }),
  );
}

const notValid = {
  valid: false,
  accountId: '',
  username: '',
  accountType: '',
  roles: [],
  audience: [],
  amr: [],
  authTime: undefined,
  issuedAt: undefined,
  expiresAt: undefined,
  tokenId: '',
};

function targetOf(target: RevokeRequest['target']): object {
  switch (target?.$case) {
    case undefined:
      return {};
    case 'token':
      return { token: target.value };
    case 'tokenId':
      return { token_id: target.value };
    case 'accountId':
      return { account_id: target.value };
    case 'sessionId':
      return { session_id: target.value };
    default:
      return target satisfies never;
  }
}
