import type { ServedService } from '../../../../mcdsl/grpc/index.ts';
import type { TrustedProxies } from '../../../../mcdsl/http/index.ts';
import type { Logger } from '../../../../mcdsl/logging/index.ts';
import type { Operations } from '../operations/index.ts';
import type { Runner } from '../runner.ts';
import { accountService } from './accounts.ts';
import { auditService } from './audit.ts';
import { authService, ssoService } from './auth.ts';
import { credentialService } from './credentials.ts';
import { keyService, policyService } from './policy.ts';
import { createRpcs } from './rpc.ts';
import { sessionService, tokenService } from './tokens.ts';

/** gRPC: the operations of REST in the messages of mcias.v1. */
export function grpcServices(
  operations: Operations,
  runner: Runner,
  trusted: TrustedProxies,
  logger: Logger,
): readonly ServedService[] {
  const rpcs = createRpcs(runner, trusted, logger);
  return [
    authService(operations, rpcs),
    tokenService(operations, rpcs),
    ssoService(operations, rpcs),
    accountService(operations, rpcs),
    credentialService(operations, rpcs),
    sessionService(operations, rpcs),
    policyService(operations, rpcs),
    auditService(operations, rpcs),
    keyService(operations, rpcs),
  ];
}
