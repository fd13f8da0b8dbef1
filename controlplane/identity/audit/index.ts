export { appendAudit, pruneAudit } from './append.ts';
export { verifyAudit } from './chain.ts';
export type { ChainReport } from './chain.ts';
export { auditEvents, operatorSource, serverSource } from './entry.ts';
export type { ActorKind, AuditDetails, AuditEntry, AuditEvent, AuditSource, StoredAuditEntry } from './entry.ts';
export { appendFailure, closeFailures } from './failures.ts';
export { auditAfter, everything, lastAuditSeq, listAudit } from './list.ts';
export type { AuditFilter } from './list.ts';
