import { hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { syncFolder } from '../../../mcdsl/database/index.ts';
import { errnoOf, messageOf } from '../../../mcdsl/errors/index.ts';
import { identityErrors } from '../errors.ts';

/** What every sealed column is under. It lies outside the database, so that the database alone is worth nothing to a thief. */
export type MasterKey = {
  /** 16 hex digits derived from the secret: a typing mistake in the file does not go unseen. */
  readonly id: string;
  readonly secret: Buffer;
};

export type MasterKeySource = {
  /** `[keys] master_key_file`. */
  readonly file: string;
  /** `$CREDENTIALS_DIRECTORY` of systemd, empty for none: a credential there wins over the file. */
  readonly credentialsDirectory: string;
};

export type MasterKeyFile = {
  readonly path: string;
  /** In the order of the lines; two while the key is being rotated. */
  readonly keys: readonly MasterKey[];
  /** False for a credential, which only its owner can replace. */
  readonly writable: boolean;
  readonly warnings: readonly string[];
};

const format = 'mcias-master-v1';
export const credentialName = 'mcias-master-key';
const secretBytes = 32;

export function createMasterKey(): MasterKey {
  return fromSecret(randomBytes(secretBytes));
}

/** @throws failed_precondition when there is no key or it is damaged; the message names the file and the line */
export function readMasterKeys(source: MasterKeySource): MasterKeyFile {
  const path = masterKeyPath(source);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const what = errnoOf(cause) === 'ENOENT' ? 'does not exist' : `cannot be read: ${messageOf(cause)}`;
    const hint = 'restore it from its safe place, or run `mcias key reset-master` when it is lost';
    throw identityErrors.error('failed_precondition', `master key ${path} ${what}; ${hint}`, {}, { cause });
  }
  return { path, keys: parse(text, path), writable: path === source.file, warnings: modeWarnings(path) };
}

/** Whether there is anything at the place of the key, readable or not. */
export function masterKeyExists(source: MasterKeySource): boolean {
  return statSync(masterKeyPath(source), { throwIfNoEntry: false }) !== undefined;
}

/** Replaces the file as a whole, on the disk before this returns: a crash leaves the old one or the new one. */
export function writeMasterKeys(file: string, keys: readonly MasterKey[]): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  const fd = openSync(draft, 'w', 0o600);
  try {
    writeSync(fd, keys.map(({ id, secret }) => `${format} ${id} ${secret.toString('base64url')}\n`).join(''));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
  syncFolder(folder);
}

function masterKeyPath({ file, credentialsDirectory }: MasterKeySource): string {
  if (credentialsDirectory === '') return file;
  const credential = join(credentialsDirectory, credentialName);
  return statSync(credential, { throwIfNoEntry: false }) === undefined ? file : credential;
}

function parse(text: string, path: string): MasterKey[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const keys = lines.map((line, index) => {
    const [, id = '', encoded = ''] = /^mcias-master-v1 ([0-9a-f]{16}) ([A-Za-z0-9_-]{43})\s*$/.exec(line) ?? [];
    const secret = Buffer.from(encoded, 'base64url');
    const key = secret.length === secretBytes ? fromSecret(secret) : null;
    if (key?.id === id && secret.toString('base64url') === encoded) return key;
    throw damaged(path, `line ${index + 1} is no master key, or its id does not fit it`);
  });
  if (keys.length === 0) throw damaged(path, 'it is empty');
  if (keys.length > 2) throw damaged(path, `it has ${keys.length} keys; at most two stand there, during a rotation`);
  return keys;
}

function damaged(path: string, what: string): Error {
  return identityErrors.error(
    'failed_precondition',
    `master key ${path}: ${what}; a line is "${format} ID KEY"; restore the file from its safe place`,
  );
}

function fromSecret(secret: Buffer): MasterKey {
  const id = Buffer.from(hkdfSync('sha256', secret, '', 'mcias master key id v1', 8)).toString('hex');
  return { id, secret };
}

/** Only a warning: in a rootless container the mode may be out of our hands, and without the key nobody can log in. */
function modeWarnings(path: string): string[] {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  return [`master key ${path} can be read by other users (mode 0${mode.toString(8)}); run chmod 0600 on it`];
}
