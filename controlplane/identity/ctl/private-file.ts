import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { syncFolder } from '../../../mcdsl/database/index.ts';
import { errnoOf, messageOf } from '../../../mcdsl/errors/index.ts';
import { ctlErrors } from './errors.ts';

/** A file in the making: it takes its place by one rename, or is gone when it is disposed. */
export type NewPrivateFile = Disposable & {
  /** @throws file_refused */
  replace(text: string): void;
};

/** Made before what is to be kept in it, so that a folder that cannot be written is found in time. @throws file_refused */
export function openPrivateFile(path: string): NewPrivateFile {
  const folder = dirname(path);
  const beside = join(folder, `.${basename(path)}.${process.pid}.new`);
  const writing = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw ctlErrors.error('file_refused', `${path} cannot be written: ${messageOf(cause)}`, {}, { cause });
    }
  };
  const fd = writing(() => {
    return openSync(beside, 'wx', 0o600);
  });
  return {
    replace: (text) =>
      writing(() => {
        writeSync(fd, text);
        fsyncSync(fd);
        renameSync(beside, path);
        syncFolder(folder);
      }),
    [Symbol.dispose]() {
      closeSync(fd);
      rmSync(beside, { force: true });
    },
  };
}

/** Replaces a file that only its owner may read, whole or not at all. @throws file_refused */
export function writePrivateFile(path: string, text: string): void {
  using file = openPrivateFile(path);
  file.replace(text);
}

/** Null when there is none. @throws file_refused when others may read or change it, or it cannot be read */
export function readPrivateFile(path: string): string | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return null;
    throw ctlErrors.error('file_refused', `${path} cannot be read: ${messageOf(cause)}`, {}, { cause });
  }
  try {
    const mode = fstatSync(fd).mode & 0o777;
    if ((mode & 0o077) === 0) return readFileSync(fd, 'utf8');
    const octal = mode.toString(8).padStart(4, '0');
    const message = `${path} is open to others (mode ${octal}): chmod 0600 it, and revoke its token if others have read it`;
    throw ctlErrors.error('file_refused', message);
  } finally {
    closeSync(fd);
  }
}

/** A token from a file, or from standard input with `-`: never from an argument, which every process can see. @throws file_refused */
export function readToken(from: string): string {
  const text = from === '-' ? readFileSync(0, 'utf8') : readPrivateFile(from);
  if (text === null) throw ctlErrors.error('file_refused', `${from} does not exist`);
  const token = text.trim();
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return token;
  throw ctlErrors.error('file_refused', `${from === '-' ? 'standard input' : from} holds no token`);
}
