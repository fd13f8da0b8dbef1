import type { Terminal } from '../../../mcdsl/terminal/index.ts';
import { takeSnapshot } from '../../../mcdsl/snapshot/index.ts';
import { recordKeys } from '../api/index.ts';
import { appendAudit, operatorSource } from '../audit/index.ts';
import { identityErrors } from '../errors.ts';
import {
  createKeyring,
  createSealer,
  listSigningKeys,
  readMasterKeys,
  resetMaster,
  rotateMaster,
  type MasterKeyChange,
  type SigningKey,
} from '../keys/index.ts';
import { metaSince, readMeta } from '../store/index.ts';
import { openOffline, requireOwner, type Config, type Offline } from './offline.ts';

export type KeyList = {
  /** What the database is sealed under; null before `mcias init`. */
  readonly masterKeyId: string | null;
  readonly since: number | null;
  readonly file: string;
  /** Ids in the key file, in its order; empty when it cannot be read. */
  readonly inFile: readonly string[];
  /** What is wrong or unsafe with the file. */
  readonly warnings: readonly string[];
  readonly signingKeys: readonly SigningKey[];
};

export type KeyCommandOptions = {
  readonly config: Config;
  readonly terminal: Pick<Terminal, 'warn'>;
  readonly now: number;
};

export function listKeys({ config, terminal }: KeyCommandOptions): KeyList {
  using offline = openOffline(config, terminal);
  const { reader } = offline.store;
  return {
    masterKeyId: readMeta(reader, 'master_key_id'),
    since: metaSince(reader, 'master_key_id'),
    ...readKeyFile(offline),
    signingKeys: listSigningKeys(reader),
  };
}

/** Seals every row under a new key, with a server beside it or not. @throws failed_precondition */
export function rotateMasterKey({ config, terminal, now }: KeyCommandOptions): MasterKeyChange {
  requireOwner(config);
  using offline = openOffline(config, terminal);
  return rotateMaster(offline.store, offline.masterKey, {
    now,
    inTransaction: (writer, { from, to }) => {
      const entry = { ...operatorSource, target: to, service: '', reason: '', details: { from } } as const;
      appendAudit(writer, { ...entry, event: 'master_key.rotated' }, now);
    },
  });
}

export type MasterKeyReset = MasterKeyChange & {
  /** The database before, in case the key is found after all. */
  readonly snapshot: string;
  /** People whose passwords and factors are gone. */
  readonly people: readonly string[];
};

/** Begins anew after the key is lost. @throws failed_precondition while the key still opens the database */
export async function resetMasterKey({ config, terminal, now }: KeyCommandOptions): Promise<MasterKeyReset> {
  requireOwner(config);
  using offline = openOffline(config, terminal);
  const { store, masterKey, settings } = offline;
  refuseWorkingKey(offline);
  const { path: snapshot } = takeSnapshot({ path: store.path, keep: keepAll, time: new Date(now) });
  const change = resetMaster(store, masterKey, {
    now,
    inTransaction: (writer, { from, to }) => {
      const entry = { ...operatorSource, target: to, service: '', reason: '', details: { from } } as const;
      appendAudit(writer, { ...entry, event: 'master_key.reset' }, now);
    },
  });
  const sealer = createSealer(store.reader, () => readMasterKeys(masterKey).keys);
  const keyring = createKeyring({ store, sealer, series: settings.keySeries, times: settings.keyTimes });
  await keyring.maintain(now, recordKeys(operatorSource, now));
  const people = store.reader.all<{ name: string }>(
    "SELECT name FROM accounts WHERE type = 'human' AND status <> 'deleted' ORDER BY name",
  );
  return { ...change, snapshot, people: people.map(({ name }) => name) };
}

/** The copy must not push older ones out: they may be what helps. */
const keepAll = 99_999;

function refuseWorkingKey(offline: Offline): void {
  const id = readMeta(offline.store.reader, 'master_key_id');
  if (id === null || !readKeyFile(offline).inFile.includes(id)) return;
  const message = `master key ${id} opens this database; use \`mcias key rotate-master\` to replace it`;
  throw identityErrors.error('failed_precondition', message);
}

function readKeyFile({ masterKey }: Offline): Pick<KeyList, 'file' | 'inFile' | 'warnings'> {
  try {
    const { path, keys, warnings } = readMasterKeys(masterKey);
    return { file: path, inFile: keys.map(({ id }) => id), warnings };
  } catch (error) {
    if (!identityErrors.is(error, 'failed_precondition')) throw error;
    return { file: masterKey.file, inFile: [], warnings: [error.message] };
  }
}
