import { AuthServiceService } from '../../../../proto/gen/mcias/v1/auth.ts';
import type {
  LoginRequest,
  LoginResponse,
  LogoutRequest,
  PasskeyOptionsRequest,
  PasskeyVerifyRequest,
  StepUpRequest,
  VerifyMfaRequest,
} from '../../../../proto/gen/mcias/v1/auth.ts';
import {
  SsoServiceService,
  type ExchangeCodeRequest,
  type ListClientsRequest,
} from '../../../../proto/gen/mcias/v1/sso.ts';
import { defineService } from '../../../../mcdsl/grpc/index.ts';
import type { Operations } from '../operations/index.ts';
import { camel } from './camel.ts';
import { policyDecision } from './policy.ts';
import { jsonText, nothing, serve, type Rpcs } from './rpc.ts';

export function authService({ auth }: Operations, { rpc }: Rpcs) {
  return defineService(
    AuthServiceService,
    serve({
      login: rpc(
        auth.login,
        (request: LoginRequest) => ({
          username: request.username,
          password: request.password,
          totp_code: request.totpCode,
          recovery_code: request.recoveryCode,
          service_name: request.serviceName,
          tags: request.tags,
          audience: request.audience,
          client_ip: request.clientIp,
          dry_run: request.dryRun,
        }),
        (output): LoginResponse =>
          output.kind === 'dry_run'
            ? { ...noGrant, policy: policyDecision(output.policy) }
            : { ...camel(output), policy: undefined },
      ),
      verifyMfa: rpc(
        auth.mfa,
        (request: VerifyMfaRequest) => ({ mfa_ticket: request.mfaTicket, ...proofOf(request) }),
        camel,
      ),
      passkeyOptions: rpc(
        auth.passkeyOptions,
        ({ username }: PasskeyOptionsRequest) => ({ username }),
        ({ ticket, public_key }) => ({ ticket, publicKeyJson: JSON.stringify(public_key) }),
      ),
      passkeyVerify: rpc(
        auth.passkeyVerify,
        ({ ticket, responseJson, serviceName, tags }: PasskeyVerifyRequest) => ({
          ticket,
          response: jsonText('response_json', responseJson),
          service_name: serviceName,
          tags,
        }),
        camel,
      ),
      stepUp: rpc(auth.stepUp, stepUpFields, camel),
      logout: rpc(auth.logout, ({ everywhere }: LogoutRequest) => ({ everywhere }), nothing),
    }),
  );
}

export function ssoService({ sso }: Operations, { rpc }: Rpcs) {
  return defineService(
    SsoServiceService,
    serve({
      exchangeCode: rpc(
        sso.exchange,
        ({ code, clientId, redirectUri, codeVerifier }: ExchangeCodeRequest) => ({
          code,
          client_id: clientId,
          redirect_uri: redirectUri,
          code_verifier: codeVerifier,
        }),
        camel,
      ),
      listClients: rpc(sso.listClients, (_request: ListClientsRequest) => ({}), camel),
    }),
  );
}

const noGrant = { token: '', expiresAt: undefined, renewAfter: undefined, account: undefined };

function proofOf({ proof }: VerifyMfaRequest): object {
  switch (proof?.$case) {
    case undefined:
      return {};
    case 'totpCode':
      return { totp_code: proof.value };
    case 'recoveryCode':
      return { recovery_code: proof.value };
    case 'passkeyResponseJson':
      return { response: jsonText('passkey_response_json', proof.value) };
    default:
      return proof satisfies never;
  }
}

function stepUpFields({ proof }: StepUpRequest): object {
  switch (proof?.$case) {
    case undefined:
      return {};
    case 'password':
      return {
        password: proof.value.password,
        ...(proof.value.totpCode === '' ? {} : { totp_code: proof.value.totpCode }),
      };
    case 'passkey':
      return { ticket: proof.value.ticket, response: jsonText('response_json', proof.value.responseJson) };
    default:
      return proof satisfies never;
  }
}
