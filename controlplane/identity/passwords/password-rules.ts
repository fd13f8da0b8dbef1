import { readFileSync } from 'node:fs';
import { messageOf } from '../../../mcdsl/errors/index.ts';
import { refusal } from '../errors.ts';

export const maxPasswordBytes = 256;

/** Passwords that must not be chosen, folded. */
export type Blocklist = ReadonlySet<string>;

export interface PasswordRules {
  /** In code points after NFC. */
  readonly minLength: number;
  readonly blocklist: Blocklist;
}

/**
 * The form in which passwords are hashed: NFC, so that one keyboard's ü is another's. Nothing is trimmed or cut. Null when it
 * cannot be anybody's password because it is too long.
 * @throws invalid_argument, reason bad_encoding, for a lone surrogate
 */
export function canonicalPassword(text: string): string | null {
  if (!text.isWellFormed()) {
    throw refusal('invalid_argument', 'bad_encoding', { message: 'the password is not valid Unicode' });
  }
  const password = text.normalize('NFC');
  return Buffer.byteLength(password, 'utf8') > maxPasswordBytes ? null : password;
}

/**
 * A new password in its canonical form. There are no rules about kinds of characters: length and the block list are what helps.
 * @throws invalid_argument, reason weak_password or bad_encoding, saying which rule it breaks
 */
export function checkNewPassword(text: string, accountName: string, rules: PasswordRules): string {
  const password = canonicalPassword(text);
  const length = [...(password ?? text)].length;
  if (password === null) throw weak(`the password is longer than ${maxPasswordBytes} bytes`);
  if (length < rules.minLength) {
    throw weak(`the password has ${length} characters, at least ${rules.minLength} are needed`);
  }
  const folded = fold(password);
  if (folded === fold(accountName)) throw weak('the password is the name of the account');
  if (rules.blocklist.has(folded)) throw weak('the password is in the list of passwords that are guessed first');
  return password;
}

export type BlocklistRead =
  { readonly ok: true; readonly blocklist: Blocklist } | { readonly ok: false; readonly message: string };

const maxBlocklistBytes = 64 * 1024 * 1024;

/** Reads a block list: UTF-8, one password a line. Memory: about 80 bytes a line. */
export function readBlocklist(path: string): BlocklistRead {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > maxBlocklistBytes) return { ok: false, message: `${path} is larger than 64 MiB` };
    return { ok: true, blocklist: parseBlocklist(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
  } catch (error) {
    return { ok: false, message: `the block list ${path} cannot be read: ${messageOf(error)}` };
  }
}

export function parseBlocklist(text: string): Blocklist {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  return new Set(lines.map(fold));
}

/**
 * NFC and case folding. JavaScript has no fold of its own; upper case first unifies what full case folding does (ß and SS, ς and
 * σ), lower case then what has no upper case.
 */
function fold(text: string): string {
  return text.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

function weak(message: string): Error {
  return refusal('invalid_argument', 'weak_password', { message });
}
