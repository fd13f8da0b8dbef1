import { readFileSync } from 'node:fs';

import { connectNetwork } from '../../../../mcdsl/grpc/index.ts';
import { HealthCheckResponse_ServingStatus, HealthService } from '../../../../proto/gen/grpc/health/v1/health.ts';
import { AccountServiceService } from '../../../../proto/gen/mcias/v1/account.ts';
import { AuditServiceService } from '../../../../proto/gen/mcias/v1/audit.ts';
import { AuthServiceService } from '../../../../proto/gen/mcias/v1/auth.ts';
import { CredentialServiceService } from '../../../../proto/gen/mcias/v1/credential.ts';
import { KeyServiceService } from '../../../../proto/gen/mcias/v1/key.ts';
import { PolicyServiceService } from '../../../../proto/gen/mcias/v1/policy.ts';
import { SessionServiceService } from '../../../../proto/gen/mcias/v1/session.ts';
import { SsoServiceService } from '../../../../proto/gen/mcias/v1/sso.ts';
import { TokenServiceService } from '../../../../proto/gen/mcias/v1/token.ts';
import type { Api, ApiOptions } from './api.ts';

/** @throws Error when the file of the CA cannot be read */
export function grpcApi({ target, token }: ApiOptions): Api {
  const { server, grpcAddress: address, caCert, serverName } = target;
  const tls = {
    ca: caCert === '' ? null : readFileSync(caCert),
    serverName: serverName === '' ? null : serverName,
  };
  const connection = connectNetwork({ address, tls: server.startsWith('http:') ? null : tls, bearer: token });
  const { client } = connection;
  const health = client(HealthService);
  return {
    auth: client(AuthServiceService),
    tokens: client(TokenServiceService),
    sso: client(SsoServiceService),
    accounts: client(AccountServiceService),
    credentials: client(CredentialServiceService),
    sessions: client(SessionServiceService),
    policy: client(PolicyServiceService),
    audit: client(AuditServiceService),
    keys: client(KeyServiceService),
    async health(signal) {
      const { status } = await health.check({ service: '' }, { signal });
      const serves = status === HealthCheckResponse_ServingStatus.SERVING;
      return { status: serves ? 'ok' : 'not serving', version: null };
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}
