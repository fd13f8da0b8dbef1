import type { Writer } from '../../../mcdsl/database/index.ts';
import type { Terminal } from '../../../mcdsl/terminal/index.ts';
import {
  createAccount,
  enableAccount,
  findAccountByName,
  nameRule,
  parseAccountName,
  setMustChange,
  setRoles,
  type Account,
} from '../accounts/index.ts';
import { appendAudit, operatorSource } from '../audit/index.ts';
import { identityErrors } from '../errors.ts';
import { createRecoveryCodes, listPasskeys, readWays, removePasskey } from '../factors/index.ts';
import { createSealer, readMasterKeys } from '../keys/index.ts';
import { createPasswords } from '../passwords/index.ts';
import { endEverythingOf, type Ended } from '../sessions/index.ts';
import { createSoftLocks } from '../throttle/index.ts';
import { chooseNewPassword, hashNewPassword, passwordRules, type AskPassword } from './new-password.ts';
import { openOffline, type Config } from './offline.ts';

export type RecoverOptions = {
  readonly config: Config;
  readonly name: string;
  /** Makes the account where there is none, and gives it the role admin. */
  readonly createAdmin: boolean;
  readonly clearMfa: boolean;
  readonly unlock: boolean;
  /** Null: a password is made and returned. */
  readonly ask: AskPassword | null;
  readonly terminal: Pick<Terminal, 'warn'>;
  readonly now: number;
};

export type Recovered = {
  readonly account: string;
  readonly roles: readonly string[];
  readonly created: boolean;
  readonly enabled: boolean;
  readonly grantedAdmin: boolean;
  readonly clearedMfa: boolean;
  readonly unlocked: boolean;
  readonly ended: Ended;
  /** Second factors that are still asked for. */
  readonly secondFactors: boolean;
  readonly password: string | null;
};

const by = 'mcias recover';

/**
 * Offline break-glass (IA-10): whoever can write the database and read the key file needs no login. One transaction, with its audit
 * entry; a running server sees it at its next poll.
 * @throws not_found, invalid_argument, failed_precondition for system accounts and where the master key is missing
 */
export async function recover(options: RecoverOptions): Promise<Recovered> {
  const { config, terminal, now, createAdmin, clearMfa, unlock } = options;
  const name = parseAccountName(options.name);
  if (name === null) throw identityErrors.error('invalid_argument', `${JSON.stringify(options.name)}: ${nameRule}`);
  using offline = openOffline(config, terminal);
  const { store, masterKey, settings } = offline;
  requirePerson(findAccountByName(store.reader, name), name, createAdmin);
  const sealer = createSealer(store.reader, () => readMasterKeys(masterKey).keys);
  const { password, shown } = await chooseNewPassword(name, passwordRules(config, terminal), options.ask);
  const hashed = await hashNewPassword(offline, sealer, password);
  const passwords = createPasswords({ store, sealer, ...settings.passwords });

  return store.change((writer) => {
    const before = findAccountByName(writer, name);
    requirePerson(before, name, createAdmin);
    let account = before ?? createPerson(writer, name, now);
    const enabled = account.status === 'disabled';
    if (enabled) account = enableAccount(writer, account.id, account.revision);
    const grantedAdmin = createAdmin && !account.roles.includes('admin');
    if (grantedAdmin) account = setRoles(writer, account.id, account.revision, withAdmin(account), by, now);
    const { id } = account;
    passwords.store(writer, id, hashed, now);
    setMustChange(writer, id, false);
    if (clearMfa) clearSecondFactors(writer, id);
    const unlocked = unlock && createSoftLocks().reset(writer, name);
    const ended = endEverythingOf(writer, id, 'recovered', now);
    const details = {
      created: before === null,
      enabled,
      granted_admin: grantedAdmin,
      cleared_mfa: clearMfa,
      unlocked,
      ...ended,
    };
    const entry = { ...operatorSource, target: name, service: '', reason: '', details } as const;
    appendAudit(writer, { ...entry, event: 'account.recovered' }, now);
    const { hasTotp, passkeys } = readWays(writer, id);
    return {
      account: name,
      roles: account.roles,
      created: before === null,
      enabled,
      grantedAdmin,
      clearedMfa: clearMfa,
      unlocked,
      ended,
      secondFactors: hasTotp || passkeys > 0,
      password: shown,
    };
  });

  function clearSecondFactors(writer: Writer, accountId: string): void {
    writer.run('DELETE FROM totp WHERE account_id = ?', [accountId]);
    for (const { id } of listPasskeys(writer, accountId)) removePasskey(writer, accountId, id);
    createRecoveryCodes(sealer).remove(writer, accountId);
  }
}

function requirePerson(account: Account | null, name: string, createAdmin: boolean): void {
  if (account === null && !createAdmin) {
    throw identityErrors.error('not_found', `there is no account ${name}; --create-admin makes it`);
  }
  if (account?.type !== 'system') return;
  const message = `${name} is a system account and has no password; issue a token for it with \`mciasctl token issue ${name}\``;
  throw identityErrors.error('failed_precondition', message);
}

function createPerson(writer: Writer, name: string, now: number): Account {
  const draft = { name, type: 'human', roles: ['admin'], displayName: '', email: '', groups: [] } as const;
  return createAccount(writer, draft, by, now);
}

/** `guest` stands alone, so it goes. */
function withAdmin({ roles }: Account): readonly string[] {
  return [...roles.filter((role) => role !== 'guest'), 'admin'];
}
