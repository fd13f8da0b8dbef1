import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import type { Frozen } from '../../../mcdsl/config/index.ts';
import type { Terminal } from '../../../mcdsl/terminal/index.ts';
import { toSettings, type IdentityConfig, type Settings } from '../config/index.ts';
import { identityErrors } from '../errors.ts';
import type { MasterKeySource } from '../keys/index.ts';
import { openStore, type Store } from '../store/index.ts';

export type Config = Frozen<IdentityConfig>;

/** What a command works on: the database and the key file themselves, with a server beside it or without. */
export type Offline = Disposable & {
  readonly store: Store;
  readonly masterKey: MasterKeySource;
  readonly settings: Settings;
};

/** How long a change waits for the server's own. */
const busyTimeoutMs = 10_000;

/** @throws failed_precondition when there is no database: only `init` and `restore` make one */
export function openOffline(config: Config, terminal: Pick<Terminal, 'warn'>): Offline {
  const { path } = config.database;
  if (!existsSync(path)) {
    const message = `there is no database ${path}; run \`mcias init\`, or \`mcias restore\` with a snapshot`;
    throw identityErrors.error('failed_precondition', message);
  }
  return createOffline(config, terminal);
}

/** As `openOffline`, and makes the database where there is none. */
export function createOffline(config: Config, terminal: Pick<Terminal, 'warn'>): Offline {
  const store = openStore({ path: config.database.path, busyTimeoutMs });
  for (const warning of store.warnings) terminal.warn(warning);
  return {
    store,
    masterKey: masterKeyOf(config),
    settings: toSettings(config),
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
}

export function masterKeyOf({ keys }: Config): MasterKeySource {
  return { file: keys.master_key_file, credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'] ?? '' };
}

/**
 * Files made by somebody else are files that the server cannot open, so root would lock mcias out of its own database.
 * @throws failed_precondition when the folder of the database belongs to another user
 */
export function requireOwner({ database }: Config): void {
  const folder = dirname(database.path);
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  if (owner === undefined) {
    throw identityErrors.error(
      'failed_precondition',
      `there is no folder ${folder}; make it, mode 0700, owned by mcias`,
    );
  }
  if (owner === process.geteuid?.()) return;
  const message = `${folder} belongs to user ${owner}: run this as that user (sudo -u '#${owner}' …), so that the server can open the files`;
  throw identityErrors.error('failed_precondition', message);
}
