import { join } from 'node:path';

import {
  createKeyring,
  createSealer,
  initMasterKey,
  oidcSeries,
  readMasterKeys,
  tokenSeries,
  type Keyring,
  type KeySeries,
  type KeyTimes,
  type MasterKeySource,
  type Sealer,
} from '../keys/index.ts';
import { startOfTests } from './clock.ts';
import { openTempStore, type TempStore } from './temp-store.ts';

export type TempKeys = TempStore & {
  readonly source: MasterKeySource;
  readonly sealer: Sealer;
  readonly keyring: Keyring;
};

export const testKeyTimes: KeyTimes = {
  rotateEveryMs: 90 * 86_400_000,
  publishAheadMs: 86_400_000,
  oidcTokenMs: 3_600_000,
};

/** A database with a master key and, unless `series` is empty, signing keys. RS256 keys take long to make, so they are asked for. */
export async function openTempKeys(options: { series?: readonly KeySeries[]; now?: number } = {}): Promise<TempKeys> {
  const { series = [tokenSeries], now = startOfTests } = options;
  const temp = openTempStore();
  const source: MasterKeySource = { file: join(temp.folder, 'keys', 'master.key'), credentialsDirectory: '' };
  initMasterKey(temp.store, source, now);
  const sealer = createSealer(temp.store.reader, () => readMasterKeys(source).keys);
  const keyring = createKeyring({ store: temp.store, sealer, series, times: testKeyTimes });
  await keyring.maintain(now, () => {});
  return { ...temp, source, sealer, keyring };
}

export const allSeries: readonly KeySeries[] = [tokenSeries, ...oidcSeries];
