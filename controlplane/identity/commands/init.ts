import { existsSync } from 'node:fs';

import type { Reader } from '../../../mcdsl/database/index.ts';
import type { Terminal } from '../../../mcdsl/terminal/index.ts';
import { createAccount, nameRule, parseAccountName } from '../accounts/index.ts';
import { recordKeys } from '../api/index.ts';
import { appendAudit, operatorSource } from '../audit/index.ts';
import { identityErrors } from '../errors.ts';
import { createKeyring, createSealer, initMasterKey, readMasterKeys } from '../keys/index.ts';
import { createPasswords } from '../passwords/index.ts';
import { policyRevision, writeBaselineRules } from '../policy/index.ts';
import { chooseNewPassword, hashNewPassword, passwordRules, type AskPassword } from './new-password.ts';
import { createOffline, openOffline, requireOwner, type Config } from './offline.ts';

export type InitOptions = {
  readonly config: Config;
  readonly admin: string;
  /** Null: a password is made and returned. */
  readonly ask: AskPassword | null;
  readonly terminal: Pick<Terminal, 'warn'>;
  readonly now: number;
  /** Told after each step; each is on the disk before the next begins. */
  readonly onStep?: (step: InitStep) => void;
};

export type InitStep = 'database' | 'master_key' | 'signing_keys' | 'in_transaction' | 'admin';

export type Initialized = {
  readonly account: string;
  readonly masterKeyId: string;
  readonly masterKeyFile: string;
  readonly warnings: readonly string[];
  readonly password: string | null;
};

/**
 * Everything that a new mcias needs: database, master key, signing keys, the baseline rules and the first admin, who comes last and
 * with the rules in one transaction. A run that was interrupted is finished by another one.
 * @throws already_exists when there is an admin; invalid_argument for name or password; failed_precondition
 */
export async function initialize(options: InitOptions): Promise<Initialized> {
  const { config, terminal, now, onStep = () => undefined } = options;
  const name = parseAccountName(options.admin);
  if (name === null) throw identityErrors.error('invalid_argument', `${JSON.stringify(options.admin)}: ${nameRule}`);
  requireOwner(config);
  refuseSecondRun(config, terminal);
  // Asked before anything is made: Ctrl-C leaves nothing behind.
  const { password, shown } = await chooseNewPassword(name, passwordRules(config, terminal), options.ask);

  using offline = createOffline(config, terminal);
  const { store, masterKey, settings } = offline;
  onStep('database');
  const keyFile = initMasterKey(store, masterKey, now);
  onStep('master_key');
  const sealer = createSealer(store.reader, () => readMasterKeys(masterKey).keys);
  const keyring = createKeyring({ store, sealer, series: settings.keySeries, times: settings.keyTimes });
  await keyring.maintain(now, recordKeys(operatorSource, now));
  onStep('signing_keys');
  const hashed = await hashNewPassword(offline, sealer, password);
  const passwords = createPasswords({ store, sealer, ...settings.passwords });
  store.change((writer) => {
    requireNoAdmin(writer);
    const draft = { name, type: 'human', roles: ['admin'], displayName: '', email: '', groups: [] } as const;
    const { id } = createAccount(writer, draft, 'mcias init', now);
    passwords.store(writer, id, hashed, now);
    const common = { ...operatorSource, service: '', reason: '' } as const;
    const details = { type: 'human', roles: ['admin'] };
    appendAudit(writer, { ...common, event: 'account.created', target: name, details }, now);
    if (policyRevision(writer) === 0) {
      writeBaselineRules(writer, { by: 'mcias init', now });
      const change = { change: 'baseline', revision: policyRevision(writer) };
      appendAudit(writer, { ...common, event: 'policy.changed', target: '', details: change }, now);
    }
    onStep('in_transaction');
  });
  onStep('admin');
  const [first] = keyFile.keys;
  return {
    account: name,
    masterKeyId: first?.id ?? '',
    masterKeyFile: keyFile.path,
    warnings: keyFile.warnings,
    password: shown,
  };
}

function refuseSecondRun(config: Config, terminal: Pick<Terminal, 'warn'>): void {
  if (!existsSync(config.database.path)) return;
  using offline = openOffline(config, terminal);
  requireNoAdmin(offline.store.reader);
}

/** A disabled one counts too: whoever has a shell gets it back with `recover`, under its own name in the audit log. */
function requireNoAdmin(reader: Reader): void {
  const sql = `SELECT a.name FROM account_roles r JOIN accounts a ON a.id = r.account_id
    WHERE r.role = 'admin' AND a.status <> 'deleted' LIMIT 1`;
  const admin = reader.get<{ name: string }>(sql);
  if (admin === null) return;
  const message = `there is an admin already: ${admin.name}; \`mcias recover ${admin.name}\` gives a lost login back`;
  throw identityErrors.error('already_exists', message);
}
