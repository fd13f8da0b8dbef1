import { randomInt } from 'node:crypto';

import type { Terminal } from '../../../mcdsl/terminal/index.ts';
import { identityErrors } from '../errors.ts';
import {
  checkNewPassword,
  createPasswords,
  readBlocklist,
  type NewPassword,
  type PasswordRules,
} from '../passwords/index.ts';
import type { Sealer } from '../keys/index.ts';
import type { Config, Offline } from './offline.ts';

/** Asks on the terminal, without echo. */
export type AskPassword = (prompt: string) => Promise<string>;

/** A password that will do. `shown` is the text of one that was made here, for the operator to see once. */
export type Chosen = { readonly password: string; readonly shown: string | null };

/** @param ask null: makes one instead of asking. @throws invalid_argument saying which rule it breaks */
export async function chooseNewPassword(name: string, rules: PasswordRules, ask: AskPassword | null): Promise<Chosen> {
  if (ask === null) {
    const made = generatePassword(rules.minLength);
    return { password: checkNewPassword(made, name, rules), shown: made };
  }
  const typed = await ask(`New password for ${name}: `);
  const password = checkNewPassword(typed, name, rules);
  if ((await ask('The same again: ')) === typed) return { password, shown: null };
  throw identityErrors.error('invalid_argument', 'the two passwords differ; nothing was changed');
}

/** A block list that cannot be read is only warned of: it must not stand between the operator and a locked mcias. */
export function passwordRules({ password }: Config, terminal: Pick<Terminal, 'warn'>): PasswordRules {
  const read = password.blocklist_file === '' ? null : readBlocklist(password.blocklist_file);
  if (read?.ok === false) terminal.warn(read.message);
  return { minLength: password.min_length, blocklist: read?.ok === true ? read.blocklist : new Set() };
}

export function hashNewPassword({ store, settings }: Offline, sealer: Sealer, password: string): Promise<NewPassword> {
  return createPasswords({ store, sealer, ...settings.passwords }).hash(password);
}

/** Without characters that look alike when they are copied by hand. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
const minGroups = 5;
const groupLength = 5;

/** At least 123 bits. */
function generatePassword(minLength: number): string {
  const groups = Math.max(minGroups, Math.ceil((minLength + 1) / (groupLength + 1)));
  const letter = (): string => alphabet.charAt(randomInt(alphabet.length));
  return Array.from({ length: groups }, () => Array.from({ length: groupLength }, letter).join('')).join('-');
}
