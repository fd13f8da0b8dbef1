import {
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  realpathSync,
} from 'node:fs';
import { dirname } from 'node:path';

import { databaseErrors, mappedFiles, syncFolder, takeProcessLock, utcStamp } from '../../../mcdsl/database/index.ts';
import type { Terminal } from '../../../mcdsl/terminal/index.ts';
import { appendAudit, operatorSource } from '../audit/index.ts';
import { identityErrors } from '../errors.ts';
import { createSealer, readMasterKeys } from '../keys/index.ts';
import { endHumanSessions, type Ended } from '../sessions/index.ts';
import { openStore, readMeta, type Store } from '../store/index.ts';
import { listTokens, type TokenInfo } from '../tokens/index.ts';
import { masterKeyOf, requireOwner, type Config } from './offline.ts';

export type RestoreOptions = {
  readonly config: Config;
  readonly file: string;
  readonly keepSessions: boolean;
  readonly terminal: Pick<Terminal, 'warn'>;
  readonly now: number;
  /** Told after each step. */
  readonly onStep?: (step: RestoreStep) => void;
};

export type RestoreStep = 'copied' | 'sessions_ended' | 'set_aside' | 'in_place';

export type Restored = {
  readonly database: string;
  /** Where the database before is; null when there was none. */
  readonly setAside: string | null;
  readonly ended: Ended;
  readonly systemTokens: readonly TokenInfo[];
  /** Why the sealed columns do not open; null when they do. */
  readonly sealedUnder: string | null;
};

/**
 * Puts a snapshot in the database's place. All changes are made to a copy, which takes the name in one rename: a crash leaves the old
 * database or the new one. What was revoked after the snapshot is not known to it, so sessions of people end and system tokens are
 * listed for the operator to judge; tickets that were handed out are void.
 * @throws failed_precondition while a server runs, or for a file that is no snapshot of mcias
 */
export function restore(options: RestoreOptions): Restored {
  const { config, file, keepSessions, now, onStep = () => undefined } = options;
  const { path } = config.database;
  requireOwner(config);
  checkSnapshot(file, path);
  using _lock = lockOrRefuse(path);
  const draft = `${path}.restoring`;
  removeDatabase(draft);
  mappedFiles(`copy of ${file}`, () => copyFileSync(file, draft, constants.COPYFILE_EXCL));
  onStep('copied');
  try {
    const changed = change(draft, config, keepSessions, now);
    mappedFiles(`database ${draft}`, () => syncFile(draft));
    onStep('sessions_ended');
    const setAside = existsSync(path) ? keepOld(path, new Date(now)) : null;
    onStep('set_aside');
    mappedFiles(`database ${path}`, () => {
      renameSync(draft, path);
      syncFolder(dirname(path));
    });
    onStep('in_place');
    return { database: path, setAside, ...changed };
  } finally {
    removeDatabase(draft);
  }
}

function checkSnapshot(file: string, path: string): void {
  const refuse = (why: string): Error =>
    identityErrors.error('failed_precondition', `${file} ${why}; nothing was changed`);
  if (!existsSync(file)) throw refuse('does not exist');
  if (existsSync(path) && realpathSync(file) === realpathSync(path)) throw refuse('is the database itself');
  if (existsSync(`${file}-wal`)) {
    throw refuse(`is no snapshot: its last changes stand in ${file}-wal; use a file that \`mcias snapshot\` made`);
  }
}

function lockOrRefuse(path: string): Disposable {
  const lock = takeProcessLock(path);
  if (lock !== null) return lock;
  throw identityErrors.error('failed_precondition', `a server runs on ${path}: stop it first; nothing was changed`);
}

type Changed = Pick<Restored, 'ended' | 'systemTokens' | 'sealedUnder'>;

function change(draft: string, config: Config, keepSessions: boolean, now: number): Changed {
  using store = openStore({ path: draft });
  const masterKeyId = readMeta(store.reader, 'master_key_id');
  if (masterKeyId === null) {
    throw identityErrors.error(
      'failed_precondition',
      'the file is no database of mcias that was ever in use; nothing was changed',
    );
  }
  const ended = store.change((writer) => {
    const none: Ended = { sessions: 0, tokens: 0 };
    const ended = keepSessions ? none : endHumanSessions(writer, 'restored', now);
    // A ticket that was redeemed after the snapshot would be good again.
    writer.run('DELETE FROM tickets');
    const details = { kept_sessions: keepSessions, ...ended };
    const entry = { ...operatorSource, target: '', service: '', reason: '', details } as const;
    appendAudit(writer, { ...entry, event: 'database.restored' }, now);
    return ended;
  });
  return { ended, systemTokens: liveSystemTokens(store, now), sealedUnder: whyNotOpen(store, config) };
}

function liveSystemTokens({ reader }: Store, now: number): readonly TokenInfo[] {
  const filter = { accountId: null, expiringBefore: null, kind: 'system' } as const;
  const tokens: TokenInfo[] = [];
  for (let cursor: string | null = null; ;) {
    const { items, nextCursor } = listTokens(reader, filter, now, { limit: 500, cursor });
    tokens.push(...items);
    if (nextCursor === null) return tokens;
    cursor = nextCursor;
  }
}

/** The key may be brought later; without it the server does not start and says the same. */
function whyNotOpen({ reader }: Store, config: Config): string | null {
  try {
    createSealer(reader, () => readMasterKeys(masterKeyOf(config)).keys);
    return null;
  } catch (error) {
    if (identityErrors.is(error, 'failed_precondition')) return error.message;
    throw error;
  }
}

/** Gives the old database a second name, whole: what its log held is in the file, or the log goes along when it cannot be read. */
function keepOld(path: string, time: Date): string {
  const target = freeName(`${path}.before-restore-${utcStamp(time)}`);
  try {
    // Closing the last connection moves the log into the file.
    openStore({ path })[Symbol.dispose]();
  } catch (error) {
    if (!databaseErrors.is(error)) throw error;
  }
  return mappedFiles(`database ${path}`, () => {
    linkSync(path, target);
    // A log that is left would be read as one of the new file.
    for (const part of ['-wal', '-shm', '-journal'])
      if (existsSync(path + part)) renameSync(path + part, target + part);
    syncFolder(dirname(path));
    return target;
  });
}

function freeName(base: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    if (!existsSync(name)) return name;
  }
}

function removeDatabase(path: string): void {
  for (const part of ['', '-wal', '-shm', '-journal']) rmSync(path + part, { force: true });
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
