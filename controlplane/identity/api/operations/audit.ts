import { z } from 'zod';

import { findAccountByName, findAccountById, namesOf, parseAccountName } from '../../accounts/index.ts';
import { auditAfter, lastAuditSeq, listAudit, type AuditFilter, type StoredAuditEntry } from '../../audit/index.ts';
import { refusal } from '../../errors.ts';
import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { accountField, pageFields, pageOf, text, timeField, whole } from './fields.ts';

const filterFields = {
  since: timeField().optional(),
  until: timeField().optional(),
  account: accountField().optional(),
  event: text(64).optional(),
};

const filterShape = z.strictObject(filterFields);
const atOnce = 500;

/** The chained audit log; for admins. */
export function auditOperations({ store }: ApiDeps) {
  function filterOf({ since, until, account, event }: z.output<typeof filterShape>): AuditFilter {
    const names = account === undefined ? null : namesFor(account);
    return { since: since ?? null, until: until ?? null, names, event: event ?? null };
  }

  /** Also of accounts that are gone: their entries stay. */
  function namesFor(account: string): readonly string[] {
    const found = findAccountById(store.reader, account) ?? findAccountByName(store.reader, account);
    return found === null ? [parseAccountName(account) ?? account] : namesOf(store.reader, found);
  }

  const list = operation('audit.list', z.strictObject({ ...pageFields, ...filterFields }), (input) => {
    const page = pageOf(input);
    if (page.cursor !== null && !/^[0-9]{1,16}$/.test(page.cursor)) {
      throw refusal('invalid_argument', 'bad_value', {
        message: 'cursor is none of ours',
        details: { field: 'cursor' },
      });
    }
    const { items, nextCursor } = listAudit(store.reader, filterOf(input), page);
    return { entries: items.map(shownEntry), next_cursor: nextCursor };
  });

  /** Entries after one, the oldest first: a follower asks for them again and again. */
  const after = operation(
    'audit.follow',
    z.strictObject({ after_seq: whole(0, Number.MAX_SAFE_INTEGER).optional(), ...filterFields }),
    (input) => {
      const from = input.after_seq ?? lastAuditSeq(store.reader);
      const entries = auditAfter(store.reader, filterOf(input), from, atOnce);
      return { entries: entries.map(shownEntry), after_seq: entries.at(-1)?.seq ?? from };
    },
  );

  return { list, after };
}

function shownEntry(entry: StoredAuditEntry) {
  const { seq, at, actor, actorKind, event, target, service, ip, reason, requestId, details, hash } = entry;
  return {
    seq,
    at: new Date(at),
    actor,
    actor_kind: actorKind,
    event,
    target,
    service,
    ip,
    reason,
    request_id: requestId,
    details,
    hash,
  };
}
