import type { LogFields } from '../../../mcdsl/logging/index.ts';
import type { VerifiedToken } from '../tokens/index.ts';
import type { Session } from '../sessions/index.ts';

/** What an operation knows of the request, whichever edge it came in by. */
export type Call = {
  /** Who is counted: the peer, or the last hop of a trusted proxy. */
  readonly address: string;
  readonly requestId: string;
  readonly userAgent: string;
  /** Of the header or metadata `authorization`, not looked at yet; null when absent. */
  readonly bearer: string | null;
  /** For the line of the request in the log. */
  note(fields: LogFields): void;
};

/** Who holds a good bearer token. Roles and status are those of this moment. */
export type Holder = VerifiedToken & { readonly account: VerifiedToken['state']['account'] };

/** A person with a token for mcias itself. */
export type Person = Holder & { readonly session: Session };
