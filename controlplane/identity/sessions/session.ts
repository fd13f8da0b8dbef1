/** How somebody proved who they are (RFC 8176), as the claim amr has it. */
export type Amr = 'pwd' | 'otp' | 'pop' | 'user' | 'mfa';

/** A session of a person: of a browser, or of a login over the API. */
export type Session = {
  /** The claim sid. Known to services, so it opens nothing. */
  readonly id: string;
  readonly accountId: string;
  readonly amr: readonly Amr[];
  /** When the person last proved who they are; step-up makes it new. */
  readonly authTime: number;
  readonly ip: string;
  readonly userAgent: string;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly idleExpiresAt: number;
  readonly expiresAt: number;
  /** The browser is to get another id: the roles of the account have changed. */
  readonly mustRotate: boolean;
};

export type SessionTimes = {
  /** Without validate, renew or page view. */
  readonly idleMs: number;
  readonly maxMs: number;
  /** For accounts with the role admin. */
  readonly adminMaxMs: number;
};

export type EndReason =
  | 'logout'
  | 'revoked'
  | 'too_many'
  | 'expired'
  | 'account_disabled'
  | 'account_deleted'
  | 'credentials_changed'
  | 'recovered'
  | 'restored';

export type SessionRow = {
  readonly id: string;
  readonly account_id: string;
  readonly amr: string;
  readonly auth_time: number;
  readonly ip: string;
  readonly user_agent: string;
  readonly created_at: number;
  readonly last_seen_at: number;
  readonly idle_expires_at: number;
  readonly expires_at: number;
  readonly rotate: number;
};

/** Live at the time `@now`. */
export const isLive = 'ended_at IS NULL AND idle_expires_at > @now AND expires_at > @now';

export function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    accountId: row.account_id,
    amr: JSON.parse(row.amr) as Amr[],
    authTime: row.auth_time,
    ip: row.ip,
    userAgent: row.user_agent,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
    idleExpiresAt: row.idle_expires_at,
    expiresAt: row.expires_at,
    mustRotate: row.rotate === 1,
  };
}
