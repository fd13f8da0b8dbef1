import type { Reason } from '../reasons.ts';

/** Every kind of event in the audit log. */
export const auditEvents = [
  'login.accepted',
  'login.refused',
  'login.step_up',
  'logout',
  'session.ended',
  'session.refused',
  'token.issued',
  'token.renewed',
  'token.revoked',
  'token.refused',
  'sso.code_issued',
  'sso.code_exchanged',
  'sso.refused',
  'oidc.authorized',
  'oidc.refused',
  'oidc.grant_revoked',
  'account.created',
  'account.updated',
  'account.renamed',
  'account.roles_set',
  'account.enabled',
  'account.disabled',
  'account.unlocked',
  'account.deleted',
  'account.recovered',
  'account.reset_issued',
  'account.reset_used',
  'password.changed',
  'password.rehashed',
  'password.removed',
  'totp.enrolled',
  'totp.removed',
  'passkey.registered',
  'passkey.renamed',
  'passkey.removed',
  'passkey.suspended',
  'recovery_codes.created',
  'recovery_codes.used',
  'recovery_codes.removed',
  'policy.changed',
  'key.created',
  'key.activated',
  'key.retained',
  'key.expired',
  'key.revoked',
  'master_key.rotated',
  'master_key.reset',
  'database.restored',
  'request.refused',
  'audit.pruned',
] as const;

export type AuditEvent = (typeof auditEvents)[number];

/** Who acted: an account, whoever has a shell on the machine, mcias itself, or nobody known. */
export type ActorKind = 'human' | 'system' | 'operator' | 'server' | 'anonymous';

export type AuditDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** Where an event came from; the same for all entries of one request. */
export type AuditSource = {
  /** The name of an account, which never goes to another one; empty for nobody known. */
  readonly actor: string;
  readonly actorKind: ActorKind;
  readonly ip: string;
  readonly requestId: string;
};

export type AuditEntry = AuditSource & {
  readonly event: AuditEvent;
  /** What it happened to: the name of an account, the id of a rule, a key, a client. */
  readonly target: string;
  /** The service that somebody logged into. */
  readonly service: string;
  /** Why it was refused; empty for what succeeded. */
  readonly reason: Reason | '';
  /** Never a secret, and never something that a person typed into a field for one. */
  readonly details: AuditDetails;
};

export type StoredAuditEntry = AuditEntry & {
  readonly seq: number;
  readonly at: number;
  /** SHA-256 over this entry and the hash of the one before, in lower-case hex. */
  readonly hash: string;
};

export const serverSource: AuditSource = { actor: '', actorKind: 'server', ip: '', requestId: '' };
export const operatorSource: AuditSource = { actor: '', actorKind: 'operator', ip: '', requestId: '' };
