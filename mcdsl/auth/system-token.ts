import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { messageOf } from '../errors/index.ts';
import type { Logger } from '../logging/index.ts';
import { signatureOf } from '../tls/index.ts';
import type { MciasClient } from './client.ts';
import { authErrors } from './errors.ts';

/** The service's own token, from its file. */
export type SystemToken = Disposable & {
  current(): string;
  /** Reads the file again if it was replaced, and renews a token that ends soon. The timer does this. */
  check(): Promise<void>;
};

export type SystemTokenOptions = {
  readonly path: string;
  readonly logger: Logger;
  readonly renew: MciasClient['renew'];
  /** ms since the epoch */
  readonly now?: () => number;
  /** 0: no timer. */
  readonly intervalMs?: number;
};

const dayMs = 86_400_000;
const renewBeforeMs = 30 * dayMs;
/** Others may not read it, and neither group nor others write it. */
const forbiddenBits = 0o026;
const maxFileBytes = 16_384;

/** @throws SystemError token_file_refused when the file is missing, open to others, or holds no token */
export function createSystemToken(options: SystemTokenOptions): SystemToken {
  const { path, logger, renew, now = Date.now, intervalMs = 60_000 } = options;
  let signature = signatureOf([path]);
  let token = readTokenFile(path);
  let toldAtMs = -Infinity;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  const tellDaily = (message: string, err: unknown): void => {
    if (now() - toldAtMs < dayMs) return;
    toldAtMs = now();
    logger.error(message, { path, reason: messageOf(err), expires_at: new Date(lifeOf(token).expiresAtMs) });
  };
  const renewed = async (): Promise<void> => {
    let file: NewFile;
    try {
      // First the file, then the renewal: once renewed, the token on disk dies within a day.
      file = openBeside(path);
    } catch (err) {
      return tellDaily('the token file cannot be written, so the token is not renewed', err);
    }
    try {
      const grant = await renew(token);
      token = grant.token;
      file.replace(`${grant.token}\n`);
      signature = signatureOf([path]);
      logger.info('the own system token was renewed', { path, expires_at: new Date(grant.expiresAtMs) });
    } catch (err) {
      tellDaily('the own system token could not be renewed', err);
    } finally {
      file[Symbol.dispose]();
    }
  };
  const check = async (): Promise<void> => {
    const seen = signatureOf([path]);
    if (seen !== signature) {
      signature = seen;
      try {
        token = readTokenFile(path);
        logger.info('the token file was read again', { path });
      } catch (err) {
        logger.error('the new token file is refused, the token before stays', { reason: messageOf(err) });
      }
    }
    const { issuedAtMs, expiresAtMs } = lifeOf(token);
    // Half of a short life: a token for a week would otherwise be renewed at every look.
    if (expiresAtMs - now() < Math.min(renewBeforeMs, (expiresAtMs - issuedAtMs) / 2)) await renewed();
  };
  const schedule = (): void => {
    if (closed || intervalMs === 0) return;
    timer = setTimeout(() => void check().then(schedule), intervalMs).unref();
  };
  schedule();
  return {
    current: () => token,
    check,
    [Symbol.dispose]() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

function readTokenFile(path: string): string {
  const refuse = (why: string, cause?: unknown) =>
    authErrors.error('token_file_refused', `token_file ${path} ${why}`, {}, { cause });
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw refuse(`cannot be read: ${messageOf(cause)}`, cause);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > maxFileBytes) throw refuse('is no file with a token');
    if ((stat.mode & forbiddenBits) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
      throw refuse(`is open to others (mode ${mode}): chmod 0600 it, and issue another token if others have read it`);
    }
    const text = readFileSync(fd, 'utf8').trim();
    if (Number.isNaN(lifeOf(text).expiresAtMs))
      throw refuse('holds no token: write one with mciasctl token issue --out');
    return text;
  } finally {
    closeSync(fd);
  }
}

/** Of our own token, whose claims need no proof to us. NaN where they cannot be read. */
function lifeOf(token: string): { readonly issuedAtMs: number; readonly expiresAtMs: number } {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const { iat, exp } = claims as { iat?: unknown; exp?: unknown };
    return { issuedAtMs: Number(iat) * 1000, expiresAtMs: Number(exp) * 1000 };
  } catch {
    return { issuedAtMs: NaN, expiresAtMs: NaN };
  }
}

type NewFile = Disposable & { replace(text: string): void };

/** A file that takes another's place by rename once it is whole on disk; gone if it never does. */
function openBeside(path: string): NewFile {
  const beside = join(dirname(path), `.${basename(path)}.new`);
  rmSync(beside, { force: true });
  const fd = openSync(beside, 'wx', 0o600);
  return {
    replace(text) {
      writeSync(fd, text);
      fsyncSync(fd);
      renameSync(beside, path);
      const folder = openSync(dirname(path), 'r');
      fsyncSync(folder);
      closeSync(folder);
    },
    [Symbol.dispose]() {
      closeSync(fd);
      rmSync(beside, { force: true });
    },
  };
}
