import { randomUUID } from 'node:crypto';

import type { Writer } from '../../../mcdsl/database/index.ts';
import { hashSecret, newSecret } from '../../../mcdsl/secrets/index.ts';
import { checkText } from '../accounts/index.ts';
import { identityErrors, refusal } from '../errors.ts';
import { tokenSeries, type Keyring } from '../keys/index.ts';
import { requireSession, type Amr, type Session } from '../sessions/index.ts';
import type { AccountType, Role } from '../policy/index.ts';
import { managementAudience, maxAudience } from './audience.ts';
import type { Claims } from './claims.ts';
import { maxTokenBytes, signCompact } from './jws.ts';
import type { TokenKind } from './row.ts';
import type { VerifiedToken } from './verify.ts';

export type TokenTimes = {
  readonly humanTtlMs: number;
  /** For tokens of system accounts, and the most that a request may ask for. */
  readonly systemTtlMs: number;
  /** A renewed token stays valid this long. */
  readonly renewOverlapMs: number;
  readonly systemRenewOverlapMs: number;
};

export type TokenHolder = {
  readonly id: string;
  readonly name: string;
  readonly type: AccountType;
  readonly roles: readonly Role[];
};

export type IssuedToken = {
  readonly token: string;
  readonly tokenId: string;
  readonly expiresAt: number;
  /** When its holder should ask for the next one. */
  readonly renewAfter: number;
};

/** Live tokens of one system account; beyond it table_full, so that a client which renews in a loop fills nothing. */
export const maxSystemTokens = 20;

export type TokenIssuer = {
  /**
   * A token of a session, for the services of `audience`. It never outlives the session.
   * @throws not_found when the session has ended, invalid_argument for a bad audience
   */
  forSession(
    writer: Writer,
    holder: TokenHolder,
    session: Session,
    audience: readonly string[],
    now: number,
  ): IssuedToken;
  /**
   * A token of a system account, issued by an admin.
   * @param ttlMs null for the configured lifetime; a longer one is refused
   * @throws table_full, invalid_argument
   */
  forSystem(
    writer: Writer,
    holder: TokenHolder,
    draft: { readonly audience: readonly string[]; readonly ttlMs: number | null; readonly label: string },
    now: number,
  ): IssuedToken;
  /**
   * The next token of the same session and audience, or of the same system account and no longer lifetime. The old one retires after
   * the overlap. Two renewals at once give two tokens.
   * @throws invalid_token when the old one is no longer good, table_full
   */
  renew(writer: Writer, old: VerifiedToken, now: number): IssuedToken;
};

export type IssuerDeps = {
  readonly keyring: Keyring;
  readonly issuer: () => string;
  readonly times: () => TokenTimes;
};

const secondMs = 1000;
const renewSystemBeforeMs = 30 * 86_400_000;

type Draft = {
  readonly holder: TokenHolder;
  readonly kind: TokenKind;
  readonly session: Session | null;
  readonly audience: readonly string[];
  readonly amr: readonly Amr[];
  readonly authTime: number;
  readonly expiresAt: number;
  readonly label: string;
  readonly chain: { readonly id: string; readonly ttlMs: number } | null;
};

export function createTokenIssuer({ keyring, issuer, times }: IssuerDeps): TokenIssuer {
  /** Row and token in one transaction: a token that somebody holds has a row, whenever the process is killed. */
  const write = (writer: Writer, draft: Draft, now: number): IssuedToken => {
    const { holder, session, audience, chain } = draft;
    const tokenId = randomUUID();
    const jti = newSecret();
    const signer = keyring.signer(writer, tokenSeries);
    const iat = Math.floor(now / secondMs);
    const exp = Math.floor(draft.expiresAt / secondMs);
    if (exp <= iat) throw identityErrors.error('invalid_argument', 'the token would expire at once', { field: 'ttl' });
    const claims: Claims = {
      iss: issuer(),
      sub: holder.id,
      aud: audience,
      exp,
      iat,
      nbf: iat,
      jti,
      ...(session === null ? {} : { sid: session.id }),
      name: holder.name,
      type: holder.type,
      roles: holder.roles,
      amr: draft.amr,
      auth_time: Math.floor(draft.authTime / secondMs),
    };
    const token = signCompact(claims, signer);
    if (token.length > maxTokenBytes) {
      const message = `the token would have ${token.length} bytes, at most ${maxTokenBytes} are possible: name fewer services`;
      throw identityErrors.error('invalid_argument', message, { field: 'audience' });
    }
    const expiresAt = exp * secondMs;
    writer.run(
      `INSERT INTO tokens (id, h_jti, account_id, session_id, kid, audience, label, kind, issued_at, expires_at, chain_id, ttl_ms, created_at)
       VALUES (@tokenId, @hJti, @accountId, @sessionId, @kid, @audience, @label, @kind, @now, @expiresAt, @chainId, @ttlMs, @now)`,
      {
        tokenId,
        hJti: hashSecret(jti),
        accountId: holder.id,
        sessionId: session?.id ?? null,
        kid: signer.kid,
        audience: JSON.stringify(audience),
        label: draft.label,
        kind: draft.kind,
        now,
        expiresAt,
        chainId: chain?.id ?? tokenId,
        ttlMs: chain?.ttlMs ?? draft.expiresAt - now,
      },
    );
    return { token, tokenId, expiresAt, renewAfter: renewAfter(draft.kind, now, expiresAt) };
  };

  const ofSession = (
    writer: Writer,
    holder: TokenHolder,
    sessionId: string,
    audience: readonly string[],
    chain: Draft['chain'],
    now: number,
  ): IssuedToken => {
    const session = requireSession(writer, sessionId, now);
    const expiresAt = Math.min(now + times().humanTtlMs, session.expiresAt);
    const { amr, authTime } = session;
    return write(writer, { holder, kind: 'human', session, audience, amr, authTime, expiresAt, label: '', chain }, now);
  };

  return {
    forSession: (writer, holder, { id }, audience, now) =>
      ofSession(writer, holder, id, checkAudience(audience), null, now),
    forSystem(writer, holder, { audience, ttlMs, label }, now) {
      if (holder.type !== 'system') {
        throw identityErrors.error('invalid_argument', `${holder.name} is a person: people log in`, {
          field: 'account',
        });
      }
      const { systemTtlMs } = times();
      if (ttlMs !== null && (ttlMs < secondMs || ttlMs > systemTtlMs)) {
        const message = `ttl must be from 1s to tokens.system_ttl (${systemTtlMs / 3_600_000}h)`;
        throw identityErrors.error('invalid_argument', message, { field: 'ttl' });
      }
      checkText('label', label);
      refuseTooMany(writer, holder, now);
      const expiresAt = now + (ttlMs ?? systemTtlMs);
      const checked = checkAudience(audience);
      return write(
        writer,
        {
          holder,
          kind: 'system',
          session: null,
          audience: checked,
          amr: [],
          authTime: now,
          expiresAt,
          label,
          chain: null,
        },
        now,
      );
    },
    renew(writer, { claims, state }, now) {
      const { renewOverlapMs, systemRenewOverlapMs, systemTtlMs } = times();
      const { account: holder, kind, label, sessionId } = state;
      const chain = { id: state.chainId, ttlMs: state.ttlMs };
      const isGood = writer.get(
        'SELECT 1 FROM tokens WHERE id = ? AND revoked_at IS NULL AND (retire_at IS NULL OR retire_at > ?)',
        [state.tokenId, now],
      );
      if (isGood === null) throw refusal('invalid_token', 'revoked');
      const again = (): IssuedToken => {
        if (sessionId !== null) return ofSession(writer, holder, sessionId, claims.aud, chain, now);
        refuseTooMany(writer, holder, now);
        const expiresAt = now + Math.min(state.ttlMs, systemTtlMs);
        const { aud: audience, amr } = claims;
        const authTime = claims.auth_time * secondMs;
        return write(writer, { holder, kind, session: null, audience, amr, authTime, expiresAt, label, chain }, now);
      };
      const issued = again();
      const retireAt = now + (kind === 'human' ? renewOverlapMs : systemRenewOverlapMs);
      writer.run(
        'UPDATE tokens SET renewed_to = @to, retire_at = min(coalesce(retire_at, @retireAt), @retireAt) WHERE id = @id',
        {
          id: state.tokenId,
          to: issued.tokenId,
          retireAt,
        },
      );
      return issued;
    },
  };
}

function refuseTooMany(writer: Writer, holder: TokenHolder, now: number): void {
  const row = writer.get<{ n: number }>(
    `SELECT count(*) AS n FROM tokens
     WHERE account_id = ? AND revoked_at IS NULL AND expires_at > ? AND (retire_at IS NULL OR retire_at > ?)`,
    [holder.id, now, now],
  );
  if ((row?.n ?? 0) < maxSystemTokens) return;
  const message = `${holder.name} has ${maxSystemTokens} live tokens; revoke those that nobody uses`;
  throw refusal('table_full', 'table_full', { message });
}

function checkAudience(audience: readonly string[]): readonly string[] {
  const unique = [...new Set(audience)];
  const bad = unique.find((name) => name !== managementAudience && !/^[a-z][a-z0-9.-]{0,62}$/.test(name));
  if (unique.length === 0 || unique.length > maxAudience || bad !== undefined) {
    const message = `audience must have 1 to ${maxAudience} names of services${bad === undefined ? '' : `; ${JSON.stringify(bad.slice(0, 64))} is none`}`;
    throw identityErrors.error('invalid_argument', message, { field: 'audience' });
  }
  return unique;
}

/** People's tokens after half their life; those of services a month before they end, or after half of a shorter life. */
function renewAfter(kind: TokenKind, issuedAt: number, expiresAt: number): number {
  const half = issuedAt + Math.floor((expiresAt - issuedAt) / 2);
  return kind === 'human' ? half : Math.max(half, expiresAt - renewSystemBeforeMs);
}
