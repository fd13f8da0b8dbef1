import { z } from 'zod';

import { appendAudit, type AuditSource } from '../../audit/index.ts';
import { identityErrors } from '../../errors.ts';
import { listSigningKeys, type RecordKeyEvents, type SigningKey } from '../../keys/index.ts';
import { revokeTokensOfKey } from '../../tokens/index.ts';
import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { text } from './fields.ts';
import { sourceOf } from './grants.ts';

const eventOf = {
  pending: 'key.created',
  valid: 'key.activated',
  retained: 'key.retained',
  expired: 'key.expired',
  revoked: 'key.revoked',
} as const;

/** Writes what happened to keys into the audit log; a revoked key takes its tokens along. */
export function recordKeys(source: AuditSource, now: number): RecordKeyEvents {
  return (writer, events) => {
    for (const { kid, state, use, alg } of events) {
      const tokens = state === 'revoked' ? revokeTokensOfKey(writer, kid, now) : null;
      const details = { use, alg, ...(tokens === null ? {} : { tokens }) };
      appendAudit(writer, { ...source, event: eventOf[state], target: kid, service: '', reason: '', details }, now);
    }
  };
}

/** Signing keys; for admins. */
export function keyOperations(deps: ApiDeps) {
  const { store, keyring, clock } = deps;
  const all = () => ({ keys: listSigningKeys(store.reader).map(shownKey) });

  const list = operation('keys.list', z.strictObject({}), all);

  const rotate = operation('keys.rotate', z.strictObject({}), async (_input, call, person) => {
    const now = clock();
    await keyring.rotate(now, recordKeys(sourceOf(person, call), now));
    return all();
  });

  const revoke = operation('keys.revoke', z.strictObject({ kid: text(64) }), async ({ kid }, call, person) => {
    const now = clock();
    await keyring.revoke(kid, now, recordKeys(sourceOf(person, call), now));
    const key = listSigningKeys(store.reader).find((candidate) => candidate.kid === kid);
    if (key === undefined) throw identityErrors.error('not_found', 'there is no such key');
    return { key: shownKey(key) };
  });

  return { list, rotate, revoke };
}

function shownKey({ kid, alg, state, createdAt, notAfter }: SigningKey) {
  return { kid, alg, state, created_at: new Date(createdAt), not_after: notAfter === null ? null : new Date(notAfter) };
}
