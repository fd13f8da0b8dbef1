import type { ServiceClient } from '../../../../mcdsl/grpc/index.ts';
import type { AccountServiceService } from '../../../../proto/gen/mcias/v1/account.ts';
import type { AuditServiceService } from '../../../../proto/gen/mcias/v1/audit.ts';
import type { AuthServiceService } from '../../../../proto/gen/mcias/v1/auth.ts';
import type { CredentialServiceService } from '../../../../proto/gen/mcias/v1/credential.ts';
import type { KeyServiceService } from '../../../../proto/gen/mcias/v1/key.ts';
import type { PolicyServiceService } from '../../../../proto/gen/mcias/v1/policy.ts';
import type { SessionServiceService } from '../../../../proto/gen/mcias/v1/session.ts';
import type { SsoServiceService } from '../../../../proto/gen/mcias/v1/sso.ts';
import type { TokenServiceService } from '../../../../proto/gen/mcias/v1/token.ts';

/** What mciasctl asks of mcias, in the messages of the contract, whatever carries them: REST or gRPC. */
export type Api = Disposable & {
  readonly auth: Pick<ServiceClient<typeof AuthServiceService>, 'login' | 'verifyMfa' | 'stepUp' | 'logout'>;
  readonly tokens: ServiceClient<typeof TokenServiceService>;
  readonly sso: ServiceClient<typeof SsoServiceService>;
  readonly accounts: ServiceClient<typeof AccountServiceService>;
  readonly credentials: Pick<
    ServiceClient<typeof CredentialServiceService>,
    'getProfile' | 'listFactors' | 'removeFactor'
  >;
  readonly sessions: ServiceClient<typeof SessionServiceService>;
  readonly policy: Omit<ServiceClient<typeof PolicyServiceService>, 'listRules'>;
  readonly audit: ServiceClient<typeof AuditServiceService>;
  readonly keys: ServiceClient<typeof KeyServiceService>;
  /** The server's own word on its health: `ok` when it serves. */
  health(signal: AbortSignal): Promise<{ readonly status: string; readonly version: string | null }>;
};

/** Where mcias is and how it is verified. */
export type Target = {
  /** Origin of REST, such as `https://mcias.example.test:8443`. */
  readonly server: string;
  /** `host:port` of gRPC. */
  readonly grpcAddress: string;
  /** PEM file; empty: the roots of the system. */
  readonly caCert: string;
  /** Name to verify when it is not the one that is dialled; empty: that one. */
  readonly serverName: string;
};

export type ApiOptions = { readonly target: Target; readonly token: () => string | null };
