import { createHash } from 'node:crypto';

import type { Writer } from '../../../mcdsl/database/index.ts';
import { hashOfSecret, hashSecret, newSecret, secretsEqual } from '../../../mcdsl/secrets/index.ts';
import { findAccountById, type Account } from '../accounts/index.ts';
import { appendAudit, appendFailure, type AuditSource } from '../audit/index.ts';
import type { SsoClient } from '../config/index.ts';
import { identityErrors, refusal } from '../errors.ts';
import { evaluate } from '../policy/index.ts';
import type { Reason } from '../reasons.ts';
import type { Rooms } from '../rooms.ts';
import { readSession, type Session } from '../sessions/index.ts';
import { revokeToken, type IssuedToken } from '../tokens/index.ts';
import { findSsoClient } from './clients.ts';

export type CodeExchange = {
  readonly code: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly codeVerifier: string;
};

export type ExchangedCode = { readonly account: Account; readonly session: Session; readonly issued: IssuedToken };

export type CodeExchangeDeps = Pick<Rooms, 'store' | 'policy' | 'issuer' | 'clock' | 'inForce'>;

type Row = {
  readonly client_id: string;
  readonly redirect_uri: string;
  readonly challenge: string;
  readonly session_id: string;
  readonly account_id: string;
  readonly expires_at: number;
  readonly used_at: number | null;
  readonly token_id: string | null;
};

const lifeMs = 60_000;
/** How long a used code is remembered, to know a second use. */
const keptMs = 3_600_000;
/** Codes of one session that are remembered. A browser that asks for more is told to wait. */
const maxCodes = 200;
const verifierPattern = /^[A-Za-z0-9._~-]{43,128}$/;

/**
 * A code of 256 bits for one service, stored as its hash, good once within 60 s and for whoever has the challenge's verifier.
 * @throws busy
 */
export function issueCode(
  writer: Writer,
  draft: { readonly client: SsoClient; readonly challenge: string; readonly session: Session },
  now: number,
): string {
  const { client, challenge, session } = draft;
  writer.run('DELETE FROM sso_codes WHERE session_id = ? AND expires_at < ?', [session.id, now - keptMs]);
  const held = writer.get<{ n: number }>('SELECT count(*) AS n FROM sso_codes WHERE session_id = ?', [session.id]);
  if ((held?.n ?? 0) >= maxCodes) {
    const message = 'too many sign-ons of this session within the hour; wait a little';
    throw identityErrors.error('busy', message, {}, { retryAfterSeconds: 60 });
  }
  const code = newSecret();
  writer.run(
    `INSERT INTO sso_codes (h_code, client_id, redirect_uri, challenge, session_id, account_id, auth_time, expires_at, created_at)
     VALUES (@hCode, @clientId, @redirectUri, @challenge, @sessionId, @accountId, @authTime, @expiresAt, @now)`,
    {
      hCode: hashSecret(code),
      clientId: client.clientId,
      redirectUri: client.redirectUri,
      challenge,
      sessionId: session.id,
      accountId: session.accountId,
      authTime: session.authTime,
      expiresAt: now + lifeMs,
      now,
    },
  );
  return code;
}

/**
 * Exchanges a code for a token of its session, for the client's service. Any try burns the code; a second one revokes what the first
 * one got, because one of the two was not the service.
 * @throws invalid_grant; policy_denied when policy has changed since the code was issued
 */
export function exchangeCode(
  { store, policy, issuer, clock, inForce }: CodeExchangeDeps,
  { code, clientId, redirectUri, codeVerifier }: CodeExchange,
  source: AuditSource,
): ExchangedCode {
  const now = clock();
  const hCode = hashOfSecret(code);
  const client = findSsoClient(inForce().settings.ssoClients, clientId, redirectUri);
  const snapshot = policy.snapshot();

  const faultOf = (row: Row | null): Reason | null => {
    if (row === null) return 'code_unknown';
    if (row.used_at !== null) return 'code_replay';
    if (row.expires_at <= now) return 'code_expired';
    const challenge = createHash('sha256').update(codeVerifier).digest('base64url');
    const fits =
      client !== null &&
      row.client_id === clientId &&
      row.redirect_uri === redirectUri &&
      verifierPattern.test(codeVerifier) &&
      secretsEqual(row.challenge, challenge);
    return fits ? null : 'code_mismatch';
  };

  const attempt = (writer: Writer): ExchangedCode | { readonly refused: Error } => {
    const row = hCode === null ? null : writer.get<Row>('SELECT * FROM sso_codes WHERE h_code = ?', [hCode]);
    const fault = faultOf(row);
    const session = row === null ? null : readSession(writer, row.session_id, now);
    const account = row === null ? null : findAccountById(writer, row.account_id);
    const actor = account === null ? source : { ...source, actor: account.name, actorKind: account.type };
    const entry = { ...actor, target: clientId.slice(0, 64), service: client?.serviceName ?? '' };
    writer.run('UPDATE sso_codes SET used_at = coalesce(used_at, ?) WHERE h_code = ?', [now, hCode]);
    if (fault !== null || client === null || session === null || account?.status !== 'enabled') {
      const reason = fault ?? 'session_ended';
      const revoked = row?.token_id ? revokeToken(writer, row.token_id, 'code_replay', now) : 0;
      appendFailure(writer, { ...entry, event: 'sso.refused', reason, details: { revoked } }, now);
      return { refused: refusal('invalid_grant', reason, { message: 'the code is not valid; log in again' }) };
    }
    const context = { serviceName: client.serviceName, tags: client.tags };
    const { decision } = evaluate(snapshot, { account, context, now }, 'enforce');
    if (decision.effect === 'deny') {
      const { reason, ruleId } = decision;
      appendFailure(writer, { ...entry, event: 'sso.refused', reason, details: { rule_id: ruleId } }, now);
      const details = { service: client.serviceName, reason, rule_id: ruleId };
      return { refused: refusal('policy_denied', reason, { details }) };
    }
    const issued = issuer.forSession(writer, account, session, [client.serviceName], now);
    writer.run('UPDATE sso_codes SET token_id = ? WHERE h_code = ?', [issued.tokenId, hCode]);
    const details = { session: session.id, token: issued.tokenId };
    appendAudit(writer, { ...entry, event: 'sso.code_exchanged', reason: '', details }, now);
    return { account, session, issued };
  };

  // A refusal is thrown after the transaction, so that the burnt code and the revoke stay.
  const outcome = store.change(attempt);
  if ('refused' in outcome) throw outcome.refused;
  return outcome;
}

/** Removes codes that nobody can use or replay any more. Returns how many. */
export function pruneCodes(writer: Writer, now: number, atOnce = 500): number {
  return writer.run(
    'DELETE FROM sso_codes WHERE h_code IN (SELECT h_code FROM sso_codes WHERE expires_at < ? LIMIT ?)',
    [now - keptMs, atOnce],
  ).changes;
}
