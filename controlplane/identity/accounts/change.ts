import { randomUUID } from 'node:crypto';

import type { Writer } from '../../../mcdsl/database/index.ts';
import { identityErrors, refusal } from '../errors.ts';
import { roles as knownRoles, type AccountType, type Role } from '../policy/index.ts';
import type { Account } from './account.ts';
import { countAdmins, findAccountById } from './find.ts';
import { nameRule, parseAccountName } from './names.ts';
import { checkEmail, checkGroups, checkText } from './profile.ts';

export type AccountDraft = {
  readonly name: string;
  readonly type: AccountType;
  readonly roles: readonly string[];
  readonly displayName: string;
  readonly email: string;
  readonly groups: readonly string[];
};

/** What is left out stays as it is. */
export type AccountPatch = {
  readonly name?: string;
  readonly displayName?: string;
  readonly email?: string;
  readonly emailVerified?: boolean;
  readonly groups?: readonly string[];
};

/**
 * @param by who grants the roles, for the row
 * @throws invalid_argument, already_exists (also for names of deleted and renamed accounts)
 */
export function createAccount(writer: Writer, draft: AccountDraft, by: string, now: number): Account {
  const name = newName(writer, draft.name, null);
  const granted = checkRoles(draft.type, draft.roles);
  const id = randomUUID();
  writer.run(
    `INSERT INTO accounts (id, name, type, status, display_name, email, groups, created_at)
     VALUES (?, ?, ?, 'enabled', ?, ?, ?, ?)`,
    [
      id,
      name,
      draft.type,
      checkText('display_name', draft.displayName),
      checkEmail(draft.email),
      JSON.stringify(checkGroups(draft.groups)),
      now,
    ],
  );
  grant(writer, id, granted, by, now);
  return reread(writer, id);
}

/**
 * A new address is unverified until an admin says otherwise, in the same change or a later one.
 * @throws not_found, conflict, invalid_argument, already_exists, failed_precondition for the name of a system account
 */
export function updateAccount(writer: Writer, id: string, revision: number, patch: AccountPatch, now: number): Account {
  const account = begin(writer, id, revision);
  const { displayName = account.displayName, email = account.email, groups = account.groups } = patch;
  const emailVerified = patch.emailVerified ?? (email === account.email && account.emailVerified);
  writer.run('UPDATE accounts SET display_name = ?, email = ?, email_verified = ?, groups = ? WHERE id = ?', [
    checkText('display_name', displayName),
    checkEmail(email),
    emailVerified && email !== '' ? 1 : 0,
    JSON.stringify(checkGroups(groups)),
    id,
  ]);
  if (patch.name !== undefined) rename(writer, account, patch.name, now);
  return reread(writer, id);
}

/** Replaces all roles. @throws not_found, conflict, invalid_argument (role_not_allowed), last_admin */
export function setRoles(
  writer: Writer,
  id: string,
  revision: number,
  roles: readonly string[],
  by: string,
  now: number,
): Account {
  const account = begin(writer, id, revision);
  const wanted = checkRoles(account.type, roles);
  keepingAnAdmin(writer, account, () => {
    writer.run('DELETE FROM account_roles WHERE account_id = ?', [id]);
    grant(writer, id, wanted, by, now);
  });
  return reread(writer, id);
}

/** @throws not_found, conflict */
export function enableAccount(writer: Writer, id: string, revision: number): Account {
  begin(writer, id, revision);
  writer.run("UPDATE accounts SET status = 'enabled' WHERE id = ?", [id]);
  return reread(writer, id);
}

/** Its tokens are void at once; the caller ends its sessions in the same transaction. @throws not_found, conflict, last_admin */
export function disableAccount(writer: Writer, id: string, revision: number, now: number): Account {
  const account = begin(writer, id, revision);
  keepingAnAdmin(writer, account, () => {
    writer.run("UPDATE accounts SET status = 'disabled', tokens_not_before = ? WHERE id = ?", [now, id]);
  });
  return reread(writer, id);
}

/** For ever: the row and the name stay, roles and credentials go. @throws not_found, conflict, last_admin */
export function deleteAccount(writer: Writer, id: string, revision: number, now: number): void {
  const account = begin(writer, id, revision);
  keepingAnAdmin(writer, account, () => {
    for (const table of ['account_roles', 'passwords', 'totp', 'passkeys', 'recovery_codes', 'tickets']) {
      writer.run(`DELETE FROM ${table} WHERE account_id = ?`, [id]);
    }
    writer.run(
      `UPDATE accounts SET status = 'deleted', display_name = '', email = '', email_verified = 0, groups = '[]',
       tokens_not_before = ? WHERE id = ?`,
      [now, id],
    );
  });
}

/** A complete login. Not a change that somebody else's edit could miss, so the revision stays. */
export function noteLogin(writer: Writer, id: string, now: number): void {
  writer.run('UPDATE accounts SET last_login_at = ? WHERE id = ?', [now, id]);
}

export function setMustChange(writer: Writer, id: string, mustChange: boolean): void {
  writer.run('UPDATE accounts SET must_change = ? WHERE id = ?', [mustChange ? 1 : 0, id]);
}

/** Every token issued until now is void. */
export function voidTokens(writer: Writer, id: string, now: number): void {
  writer.run('UPDATE accounts SET tokens_not_before = ? WHERE id = ?', [now, id]);
}

function begin(writer: Writer, id: string, revision: number): Account {
  const account = findAccountById(writer, id);
  if (account === null) throw identityErrors.error('not_found', `there is no account ${id}`);
  if (account.revision !== revision) {
    const message = `account ${account.name} has changed meanwhile (revision ${account.revision}, not ${revision}); read it again`;
    throw refusal('conflict', 'stale_revision', { message, details: { revision: account.revision } });
  }
  writer.run('UPDATE accounts SET revision = revision + 1 WHERE id = ?', [id]);
  return account;
}

/** Transactions hold the write lock from their begin, so two admins who demote each other come one after the other. */
function keepingAnAdmin(writer: Writer, before: Account, work: () => void): void {
  work();
  const wasAdmin = before.status === 'enabled' && before.roles.includes('admin');
  if (wasAdmin && countAdmins(writer) === 0) throw refusal('last_admin', 'last_admin');
}

function rename(writer: Writer, account: Account, text: string, now: number): void {
  const name = newName(writer, text, account.id);
  if (name === account.name) return;
  if (account.type === 'system') {
    const message = `${account.name} is a system account: services authorize it by its name, so it cannot be renamed`;
    throw identityErrors.error('failed_precondition', message);
  }
  writer.run('DELETE FROM former_names WHERE name = ?', [name]);
  writer.run('INSERT INTO former_names (name, account_id, created_at) VALUES (?, ?, ?)', [
    account.name,
    account.id,
    now,
  ]);
  writer.run('UPDATE accounts SET name = ? WHERE id = ?', [name, account.id]);
}

/** @param ownerId whose former names are free again: its own */
function newName(writer: Writer, text: string, ownerId: string | null): string {
  const name = parseAccountName(text);
  if (name === null) throw refusal('invalid_argument', 'bad_name', { message: nameRule, details: { field: 'name' } });
  const taken = writer.get<{ id: string }>(
    `SELECT id FROM accounts WHERE name = @name AND id IS NOT @owner
     UNION ALL SELECT account_id FROM former_names WHERE name = @name AND account_id IS NOT @owner`,
    { name, owner: ownerId },
  );
  if (taken === null) return name;
  const message = `the name ${name} is taken, or was: names never go to another account, because services authorize by name`;
  throw identityErrors.error('already_exists', message, { field: 'name' });
}

function checkRoles(type: AccountType, wanted: readonly string[]): readonly Role[] {
  const refuse = (message: string): never => {
    throw refusal('invalid_argument', 'role_not_allowed', { message, details: { field: 'roles' } });
  };
  const unique = [...new Set(wanted)].map(
    (role) => knownRoles.find((known) => known === role) ?? refuse(`there is no role ${JSON.stringify(role)}`),
  );
  if (type === 'system' && unique.length > 0) refuse('a system account holds no role; write a policy rule for it');
  if (unique.includes('guest') && unique.length > 1) refuse('guest stands alone: no other role beside it');
  return unique;
}

function grant(writer: Writer, id: string, roles: readonly Role[], by: string, now: number): void {
  for (const role of roles) {
    writer.run('INSERT INTO account_roles (account_id, role, granted_by, created_at) VALUES (?, ?, ?, ?)', [
      id,
      role,
      by,
      now,
    ]);
  }
}

function reread(writer: Writer, id: string): Account {
  const account = findAccountById(writer, id);
  if (account === null) throw identityErrors.error('internal', `account ${id} is gone`);
  return account;
}
