import type { Reason } from '../reasons.ts';
import type { Rooms } from '../rooms.ts';
import type { IssuedToken } from '../tokens/index.ts';
import type { TokenHolder } from '../tokens/index.ts';
import type { AuditQueue } from './audit-queue.ts';
import type { Call } from './call.ts';
import type { Callers } from './callers.ts';

/** A code of single sign-on that a service brings back. */
export type CodeDraft = {
  readonly code: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly codeVerifier: string;
};

export type ExchangedCode = { readonly issued: IssuedToken; readonly account: TokenHolder };

/** Redeems codes. @throws invalid_grant */
export type ExchangeCode = (draft: CodeDraft, call: Pick<Call, 'address' | 'requestId'>) => ExchangedCode;

/** Where refusals are counted that are no error of the answer. */
export type CountRefusal = (reason: Reason) => void;

/** What operations stand on. */
export type ApiDeps = Rooms & {
  readonly callers: Callers;
  readonly auditQueue: AuditQueue;
  readonly countRefusal: CountRefusal;
  readonly exchangeCode: ExchangeCode;
};
