import type { Reader } from '../../../mcdsl/database/index.ts';
import { identityErrors } from '../errors.ts';
import { toPage, type Page, type PageRequest } from '../store/index.ts';
import { selectAccount, toAccount, type Account, type AccountRow } from './account.ts';
import { parseAccountName } from './names.ts';

/** An account that is not deleted, by id. */
export function findAccountById(reader: Reader, id: string): Account | null {
  return one(reader, "a.id = ? AND a.status <> 'deleted'", id);
}

/** An account that is not deleted, by its name in any spelling that `parseAccountName` takes. Former names find nobody. */
export function findAccountByName(reader: Reader, text: string): Account | null {
  const name = parseAccountName(text);
  return name === null ? null : one(reader, "a.name = ? AND a.status <> 'deleted'", name);
}

/** By id or name, as `{id}` of the API: a name is never as long as an id. @throws not_found */
export function requireAccount(reader: Reader, idOrName: string): Account {
  const found = idOrName.length === 36 ? findAccountById(reader, idOrName) : findAccountByName(reader, idOrName);
  if (found !== null) return found;
  throw identityErrors.error('not_found', `there is no account ${JSON.stringify(idOrName.slice(0, 64))}`);
}

/** By name, deleted ones left out. */
export function listAccounts(reader: Reader, { limit, cursor }: PageRequest): Page<Account> {
  const rows = reader.all<AccountRow>(
    `${selectAccount} WHERE a.status <> 'deleted' AND a.name > ? ORDER BY a.name LIMIT ?`,
    [cursor ?? '', limit + 1],
  );
  return toPage(rows, limit, ({ name }) => name, toAccount);
}

/** The name and all former ones, for reading the audit log. */
export function namesOf(reader: Reader, { id, name }: Account): readonly string[] {
  const former = reader.all<{ name: string }>('SELECT name FROM former_names WHERE account_id = ?', [id]);
  return [name, ...former.map((row) => row.name)];
}

/** Accounts that can administer now. */
export function countAdmins(reader: Reader): number {
  const row = reader.get<{ n: number }>(
    `SELECT count(*) AS n FROM account_roles r JOIN accounts a ON a.id = r.account_id
     WHERE r.role = 'admin' AND a.status = 'enabled'`,
  );
  return row?.n ?? 0;
}

function one(reader: Reader, where: string, value: string): Account | null {
  const row = reader.get<AccountRow>(`${selectAccount} WHERE ${where}`, [value]);
  return row && toAccount(row);
}
