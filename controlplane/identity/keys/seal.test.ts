import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { refusalOf } from '../errors.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import { wycheproofGroups } from '../test-support/wycheproof.ts';
import {
  createMasterKey,
  createSealer,
  initMasterKey,
  places,
  readMasterKeys,
  writeMasterKeys,
  type Place,
} from './index.ts';
import { sealedColumns } from './places.ts';
import { openGcm, sealGcm } from './seal.ts';

type GcmGroup = {
  readonly keySize: number;
  readonly ivSize: number;
  readonly tagSize: number;
  readonly tests: readonly (Readonly<Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag' | 'result', string>> & {
    readonly tcId: number;
  })[];
};

let temp: TempKeys;
beforeEach(async () => {
  temp = await openTempKeys({ series: [] });
});
afterEach(() => temp[Symbol.dispose]());

const seal = (place: Place, text: string): Buffer =>
  temp.store.change((w) => temp.sealer.seal(w, place, Buffer.from(text)));
const reasonOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return refusalOf(error)?.reason;
  }
};

describe('sealing', () => {
  it('opens what it sealed, each time under another nonce', () => {
    const place = places.totp('a1');
    const [first, second] = [seal(place, 'secret'), seal(place, 'secret')];
    expect(first.equals(second)).toBe(false);
    expect(first.includes('secret')).toBe(false);
    expect(temp.sealer.open(place, first).toString()).toBe('secret');
    expect(temp.sealer.open(place, seal(place, '')).length).toBe(0);
  });

  it('IA-69 opens nothing that was moved, changed or cut', () => {
    const sealed = seal(places.totp('a1'), 'secret');
    for (const place of [places.totp('a2'), places.password('a1'), { ...places.totp('a1'), column: 'other' }]) {
      expect(reasonOf(() => temp.sealer.open(place, sealed))).toBe('seal_mismatch');
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(reasonOf(() => temp.sealer.open(places.totp('a1'), sealed.subarray(0, length)))).toBe('seal_mismatch');
    }
    for (const at of [0, 9, 20, sealed.length - 17, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(reasonOf(() => temp.sealer.open(places.totp('a1'), changed))).toBe('seal_mismatch');
    }
  });

  it('tells the caller nothing but an error id', () => {
    const sealed = seal(places.totp('a1'), 'secret');
    expect(() => temp.sealer.open(places.totp('a2'), sealed)).toThrow(
      expect.objectContaining({ code: 'internal', message: expect.stringMatching(/^internal error; .*error_id/) }),
    );
  });

  it('stops at a wrong or missing master key, with both ids', () => {
    const [right] = readMasterKeys(temp.source).keys;
    const wrong = createMasterKey();
    expect(() => createSealer(temp.store.reader, () => [wrong])).toThrow(
      new RegExp(`sealed under master key ${right?.id}, and the key file has ${wrong.id}`),
    );
    rmSync(temp.source.file);
    expect(() => initMasterKey(temp.store, temp.source, 1)).toThrow(
      new RegExp(`${right?.id}, and the key file has none`),
    );
    writeMasterKeys(temp.source.file, [wrong]);
    expect(() => initMasterKey(temp.store, temp.source, 1)).toThrow(/put the right file in place/);
  });

  it('gives one key of MACs to each purpose, the same after a restart', () => {
    const [a, b] = [temp.sealer.mac('recovery', 'code'), temp.sealer.mac('csrf', 'code')];
    expect(a).toHaveLength(32);
    expect(a.equals(b)).toBe(false);
    const again = createSealer(temp.store.reader, () => readMasterKeys(temp.source).keys);
    expect(again.mac('recovery', 'code')).toEqual(a);
  });

  it('knows every sealed column of the schema', () => {
    const columns = temp.store.reader.all<{ name: string; column: string }>(
      `SELECT m.name AS name, c.name AS "column" FROM sqlite_schema m, pragma_table_info(m.name) c
       WHERE m.type = 'table' AND c.name LIKE 's\\_%' ESCAPE '\\'`,
    );
    const known = sealedColumns.map(({ table, column }) => `${table}.${column}`);
    expect(columns.map(({ name, column }) => `${name}.${column}`).toSorted()).toEqual(known.toSorted());
    const named = [
      places.password(''),
      places.totp(''),
      places.passkey(''),
      places.ticket(Buffer.of()),
      places.oidcItem('', Buffer.of()),
      places.signingKey(''),
      places.macKey(),
    ];
    expect(named.map(({ table, column }) => `${table}.${column}`).toSorted()).toEqual(known.toSorted());
  });
});

describe('AES-256-GCM', () => {
  describe('Wycheproof aes_gcm', () => {
    const groups = wycheproofGroups<GcmGroup>('aes_gcm_test');

    it('every vector with a key of 256 and a nonce of 96 bits is judged as it should be', () => {
      const ours = groups.filter(({ keySize, ivSize, tagSize }) => keySize === 256 && ivSize === 96 && tagSize === 128);
      expect(ours.flatMap(({ tests }) => tests).length).toBeGreaterThan(20);
      for (const { tcId, key, iv, aad, msg, ct, tag, result } of ours.flatMap(({ tests }) => tests)) {
        const from = (hex: string): Buffer => Buffer.from(hex, 'hex');
        const boxed = Buffer.concat([from(ct), from(tag)]);
        const opened = openGcm(from(key), from(iv), from(aad), boxed);
        expect([tcId, opened?.toString('hex') ?? 'refused']).toEqual([tcId, result === 'valid' ? msg : 'refused']);
        if (result === 'valid') expect(sealGcm(from(key), from(iv), from(aad), from(msg))).toEqual(boxed);
      }
    });
  });

  it('refuses a tag of 4 bytes', () => {
    const [key, nonce, aad] = [Buffer.alloc(32, 1), Buffer.alloc(12, 2), Buffer.of()];
    const boxed = sealGcm(key, nonce, aad, Buffer.from('text'));
    expect(openGcm(key, nonce, aad, boxed.subarray(0, boxed.length - 12))).toBeNull();
  });
});
