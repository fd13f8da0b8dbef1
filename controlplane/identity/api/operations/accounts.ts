import { z } from 'zod';

import {
  createAccount,
  deleteAccount,
  disableAccount,
  enableAccount,
  issueResetTicket,
  listAccounts,
  requireAccount,
  setRoles,
  updateAccount,
  type Account,
} from '../../accounts/index.ts';
import { appendAudit, type AuditDetails, type AuditEvent } from '../../audit/index.ts';
import type { Writer } from '../../../../mcdsl/database/index.ts';
import { accountTypes } from '../../policy/index.ts';
import { endEverythingOf, rolesChanged } from '../../sessions/index.ts';
import type { Call, Person } from '../call.ts';
import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { accountField, pageFields, pageOf, revisionField, text } from './fields.ts';
import { sourceOf } from './grants.ts';

const groups = () => z.array(text(64)).max(64);
const roles = () => z.array(text(16)).max(8);

/** Accounts and their roles; for admins. `id` is an id or a name. */
export function accountOperations(deps: ApiDeps) {
  const { store, sealer, softLocks, clock, inForce } = deps;

  /** A change and its audit entry. */
  function change<T extends Account>(
    call: Call,
    person: Person,
    work: (writer: Writer, now: number) => { event: AuditEvent; account: T; details?: AuditDetails },
  ): T {
    const now = clock();
    return store.change((writer) => {
      const { event, account, details = {} } = work(writer, now);
      record(writer, call, person, event, account.name, details, now);
      return account;
    });
  }

  function resetTicket(writer: Writer, account: Account, now: number) {
    const { ticket, expiresAt } = issueResetTicket(writer, sealer, account, inForce().config.auth.reset_ttl, now);
    return { ticket, expires_at: new Date(expiresAt) };
  }

  const list = operation('accounts.list', z.strictObject(pageFields), (input) => {
    const { items, nextCursor } = listAccounts(store.reader, pageOf(input));
    return { accounts: items.map(shownAccount), next_cursor: nextCursor };
  });

  const get = operation('accounts.get', z.strictObject({ id: accountField() }), ({ id }) => ({
    account: shownAccount(requireAccount(store.reader, id)),
  }));

  const create = operation(
    'accounts.create',
    z.strictObject({
      name: text(64),
      type: z.enum(accountTypes),
      roles: roles().optional(),
      display_name: text(512).optional(),
      email: text(256).optional(),
      groups: groups().optional(),
    }),
    (input, call, person) => {
      const draft = {
        name: input.name,
        type: input.type,
        roles: input.roles ?? [],
        displayName: input.display_name ?? '',
        email: input.email ?? '',
        groups: input.groups ?? [],
      };
      const now = clock();
      return store.change((writer) => {
        const account = createAccount(writer, draft, person.account.id, now);
        const details = { type: account.type, roles: account.roles };
        record(writer, call, person, 'account.created', account.name, details, now);
        if (account.type === 'system') return { account: shownAccount(account) };
        record(writer, call, person, 'account.reset_issued', account.name, {}, now);
        return { account: shownAccount(account), reset: resetTicket(writer, account, now) };
      });
    },
  );

  const update = operation(
    'accounts.update',
    z.strictObject({
      id: accountField(),
      revision: revisionField(),
      name: text(64).optional(),
      display_name: text(512).optional(),
      email: text(256).optional(),
      email_verified: z.boolean().optional(),
      groups: groups().optional(),
    }),
    (input, call, person) => {
      const before = requireAccount(store.reader, input.id);
      const { name, display_name: displayName, email, email_verified: emailVerified, groups: listed } = input;
      const patch = {
        ...(name === undefined ? {} : { name }),
        ...(displayName === undefined ? {} : { displayName }),
        ...(email === undefined ? {} : { email }),
        ...(emailVerified === undefined ? {} : { emailVerified }),
        ...(listed === undefined ? {} : { groups: listed }),
      };
      const account = change(call, person, (writer, now) => {
        const account = updateAccount(writer, before.id, input.revision, patch, now);
        if (account.name !== before.name) {
          record(writer, call, person, 'account.renamed', account.name, { from: before.name }, now);
        }
        return { event: 'account.updated', account, details: { fields: Object.keys(patch) } };
      });
      return { account: shownAccount(account) };
    },
  );

  const remove = operation(
    'accounts.delete',
    z.strictObject({ id: accountField(), revision: revisionField() }),
    ({ id, revision }, call, person) => {
      const account = requireAccount(store.reader, id);
      change(call, person, (writer, now) => {
        deleteAccount(writer, account.id, revision, now);
        const ended = endEverythingOf(writer, account.id, 'account_deleted', now);
        softLocks.reset(writer, account.name);
        return { event: 'account.deleted', account, details: { ...ended } };
      });
      return null;
    },
  );

  const putRoles = operation(
    'accounts.set_roles',
    z.strictObject({ id: accountField(), roles: roles(), revision: revisionField() }),
    (input, call, person) => {
      const { id, roles: before } = requireAccount(store.reader, input.id);
      const account = change(call, person, (writer, now) => {
        const account = setRoles(writer, id, input.revision, input.roles, person.account.id, now);
        rolesChanged(writer, id, account.roles.includes('admin'), inForce().settings.sessionTimes);
        return { event: 'account.roles_set', account, details: { before, after: account.roles } };
      });
      return { account: shownAccount(account) };
    },
  );

  const enable = operation(
    'accounts.enable',
    z.strictObject({ id: accountField(), revision: revisionField() }),
    (input, call, person) => {
      const { id } = requireAccount(store.reader, input.id);
      const account = change(call, person, (writer) => ({
        event: 'account.enabled',
        account: enableAccount(writer, id, input.revision),
      }));
      return { account: shownAccount(account) };
    },
  );

  const disable = operation(
    'accounts.disable',
    z.strictObject({ id: accountField(), revision: revisionField() }),
    (input, call, person) => {
      const { id } = requireAccount(store.reader, input.id);
      const account = change(call, person, (writer, now) => {
        const account = disableAccount(writer, id, input.revision, now);
        const ended = endEverythingOf(writer, id, 'account_disabled', now);
        return { event: 'account.disabled', account, details: { ...ended } };
      });
      return { account: shownAccount(account) };
    },
  );

  const unlock = operation('accounts.unlock', z.strictObject({ id: accountField() }), ({ id }, call, person) => {
    const account = requireAccount(store.reader, id);
    change(call, person, (writer) => {
      const wasLocked = softLocks.reset(writer, account.name);
      return { event: 'account.unlocked', account, details: { was_locked: wasLocked } };
    });
    return { account: shownAccount(account) };
  });

  const reset = operation('accounts.reset', z.strictObject({ id: accountField() }), ({ id }, call, person) => {
    const account = requireAccount(store.reader, id);
    const now = clock();
    return store.change((writer) => {
      record(writer, call, person, 'account.reset_issued', account.name, {}, now);
      return { reset: resetTicket(writer, account, now) };
    });
  });

  return { list, get, create, update, remove, putRoles, enable, disable, unlock, reset };
}

function record(
  writer: Writer,
  call: Call,
  person: Person,
  event: AuditEvent,
  target: string,
  details: AuditDetails,
  now: number,
): void {
  appendAudit(writer, { ...sourceOf(person, call), event, target, service: '', reason: '', details }, now);
}

export function shownAccount(account: Account) {
  return {
    id: account.id,
    name: account.name,
    type: account.type,
    status: account.status,
    roles: account.roles,
    display_name: account.displayName,
    email: account.email,
    email_verified: account.emailVerified,
    groups: account.groups,
    created_at: new Date(account.createdAt),
    last_login_at: account.lastLoginAt === null ? null : new Date(account.lastLoginAt),
    revision: account.revision,
  };
}
