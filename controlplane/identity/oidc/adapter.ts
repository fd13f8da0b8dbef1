import type { Adapter, AdapterPayload } from 'oidc-provider';

import type { Writer } from '../../../mcdsl/database/index.ts';
import { findAccountById } from '../accounts/index.ts';
import { appendAudit, appendFailure, serverSource } from '../audit/index.ts';
import { places } from '../keys/index.ts';
import { atHand } from './at-hand.ts';
import type { OidcDeps } from './deps.ts';
import {
  findItem,
  findItemBy,
  hashOf,
  isSessionLive,
  ownerOfGrant,
  refuseTooManyInteractions,
  type ItemOwner,
  type ItemRow,
} from './items.ts';

/** The provider's grants have no end of their own; a year is more than any of their tokens lives. */
const longestSeconds = 366 * 86_400;

/**
 * Where the provider keeps what it knows of one model: in mcias's database, ids hashed, payloads sealed, because they repeat the id.
 * Account and session are columns, so that the end of a session ends its grants, codes and tokens in the same statement.
 *
 * The provider's own session is good only beside the session of mcias that it began with. A refresh token that was rotated may repeat
 * for `refresh_grace`, as a client does that lost the answer; after that it is a theft, and the provider revokes its grant.
 */
export function createAdapter(deps: OidcDeps, model: string): Adapter {
  const { store, sealer, clock, inForce } = deps;

  function open(row: ItemRow | null): AdapterPayload | undefined {
    if (row === null) return undefined;
    const payload = JSON.parse(
      sealer.open(places.oidcItem(model, row.h_id), row.s_payload).toString('utf8'),
    ) as AdapterPayload;
    if (row.consumed_at === null) return payload;
    const { refresh_grace: graceMs } = inForce().config.oidc;
    if (model === 'RefreshToken' && clock() - row.consumed_at <= graceMs) return payload;
    if (model === 'RefreshToken') auditReuse(payload);
    return { ...payload, consumed: Math.floor(row.consumed_at / 1000) };
  }

  function auditReuse({ accountId, clientId = '' }: AdapterPayload): void {
    store.change((writer) => {
      const source = sourceOf(accountId);
      const entry = { ...source, target: clientId, service: serviceOf(clientId), reason: 'refresh_reuse' } as const;
      appendFailure(writer, { ...entry, event: 'oidc.refused', details: {} }, clock());
    });
  }

  function sourceOf(accountId: string | undefined) {
    const account = accountId === undefined ? null : findAccountById(store.reader, accountId);
    const context = atHand.getStore()?.context;
    const from = { ip: context?.clientAddress ?? '', requestId: context?.requestId ?? '' };
    return account === null ? { ...serverSource, ...from } : { actor: account.name, actorKind: account.type, ...from };
  }

  const serviceOf = (clientId: string): string =>
    inForce().settings.oidcClients.find((client) => client.clientId === clientId)?.serviceName ?? '';

  function ownerOf(writer: Writer, payload: AdapterPayload): ItemOwner {
    const { visitor } = atHand.getStore() ?? { visitor: null };
    const ofGrant = payload.grantId === undefined ? null : ownerOfGrant(writer, payload.grantId);
    // A login that is under way belongs to nobody yet.
    if (model === 'Interaction') return { accountId: null, sessionId: null };
    return {
      accountId: payload.accountId ?? ofGrant?.accountId ?? null,
      sessionId: ofGrant?.sessionId ?? visitor?.session.id ?? null,
    };
  }

  return {
    async upsert(id, payload, expiresIn = longestSeconds) {
      store.change((writer) => {
        const now = clock();
        const hId = hashOf(id);
        const owner = ownerOf(writer, payload);
        // The session ended while the provider worked: nothing may be left that outlives it.
        if (owner.sessionId !== null && !isSessionLive(writer, owner.sessionId, now)) return;
        if (model === 'Interaction' && findItem(writer, model, id, now) === null)
          refuseTooManyInteractions(writer, now);
        const { grantId, uid, userCode, clientId = '', accountId } = payload;
        writer.run(
          `INSERT INTO oidc_items (model, h_id, s_payload, account_id, session_id, h_grant, h_uid, h_user_code, expires_at, created_at)
           VALUES (@model, @hId, @sealed, @accountId, @sessionId, @hGrant, @hUid, @hUserCode, @expiresAt, @now)
           ON CONFLICT (model, h_id) DO UPDATE SET s_payload = excluded.s_payload, account_id = excluded.account_id,
             session_id = excluded.session_id, h_grant = excluded.h_grant, h_uid = excluded.h_uid, expires_at = excluded.expires_at`,
          {
            model,
            hId,
            sealed: sealer.seal(writer, places.oidcItem(model, hId), Buffer.from(JSON.stringify(payload))),
            accountId: owner.accountId,
            sessionId: owner.sessionId,
            hGrant: grantId === undefined ? null : hashOf(grantId),
            hUid: uid === undefined ? null : hashOf(uid),
            hUserCode: userCode === undefined ? null : hashOf(userCode),
            expiresAt: now + expiresIn * 1000,
            now,
          },
        );
        if (model !== 'AuthorizationCode') return;
        const entry = { ...sourceOf(accountId), target: clientId, service: serviceOf(clientId), reason: '' } as const;
        const details = { session: owner.sessionId };
        appendAudit(writer, { ...entry, event: 'oidc.authorized', details }, now);
      });
    },

    async find(id) {
      const row = findItem(store.reader, model, id, clock());
      const isOthers = model === 'Session' && row?.session_id !== (atHand.getStore()?.visitor?.session.id ?? null);
      return isOthers ? undefined : open(row);
    },
    // Asked for by what a code or token is bound to, where no browser is at hand.
    findByUid: async (uid) => open(findItemBy(store.reader, 'h_uid', model, uid, clock())),
    findByUserCode: async (code) => open(findItemBy(store.reader, 'h_user_code', model, code, clock())),

    async consume(id) {
      store.change((writer) =>
        // The first time stays: a repetition does not begin the grace anew.
        writer.run('UPDATE oidc_items SET consumed_at = coalesce(consumed_at, ?) WHERE model = ? AND h_id = ?', [
          clock(),
          model,
          hashOf(id),
        ]),
      );
    },

    async destroy(id) {
      store.change((writer) => writer.run('DELETE FROM oidc_items WHERE model = ? AND h_id = ?', [model, hashOf(id)]));
    },

    async revokeByGrantId(grantId) {
      store.change((writer) => {
        const { changes } = writer.run('DELETE FROM oidc_items WHERE model = ? AND h_grant = ?', [
          model,
          hashOf(grantId),
        ]);
        if (changes === 0) return;
        const entry = { ...serverSource, target: model, service: '', reason: '', details: { items: changes } } as const;
        appendAudit(writer, { ...entry, event: 'oidc.grant_revoked' }, clock());
      });
    },
  };
}
