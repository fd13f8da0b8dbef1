import type { ServiceClient } from '../../../mcdsl/grpc/index.ts';
import type { ExitCode, Terminal } from '../../../mcdsl/terminal/index.ts';
import type { ProxyAdminService } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';

export type AdminClient = ServiceClient<typeof ProxyAdminService>;

/** What a command works with. */
export type Session = {
  readonly admin: AdminClient;
  readonly terminal: Terminal;
  /** Aborts on Ctrl-C, and when nobody reads standard output any more. */
  readonly signal: AbortSignal;
};

/** Connects to the server and does the work; what it answers becomes the exit code. */
export type Run = (work: (session: Session) => Promise<ExitCode>) => Promise<void>;
