import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readMeta } from '../store/index.ts';
import { allSeries, openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import {
  createSealer,
  createMasterKey,
  places,
  readMasterKeys,
  resetMaster,
  rotateMaster,
  tokenSeries,
  writeMasterKeys,
  type RotationStep,
} from './index.ts';

let temp: TempKeys;
beforeEach(async () => {
  temp = await openTempKeys({ series: allSeries.filter(({ alg }) => alg === 'EdDSA') });
  temp.store.change((w) => {
    w.run("INSERT INTO accounts (id, name, type, status, created_at) VALUES ('a1', 'ann', 'human', 'enabled', 1)");
    w.run("INSERT INTO passwords (account_id, s_phc, params, changed_at, created_at) VALUES ('a1', ?, '', 1, 1)", [
      temp.sealer.seal(w, places.password('a1'), Buffer.from('hash')),
    ]);
    const hTicket = Buffer.alloc(32, 7);
    w.run("INSERT INTO tickets (h_ticket, kind, s_data, expires_at, created_at) VALUES (?, 'mfa', ?, 9, 1)", [
      hTicket,
      temp.sealer.seal(w, places.ticket(hTicket), Buffer.from('data')),
    ]);
    w.run("INSERT INTO tickets (h_ticket, kind, expires_at, created_at) VALUES (x'01', 'reset', 9, 1)");
    w.run("INSERT INTO oidc_items (model, h_id, s_payload, expires_at, created_at) VALUES ('Grant', x'aa', ?, 9, 1)", [
      temp.sealer.seal(w, places.oidcItem('Grant', Buffer.of(0xaa)), Buffer.from('payload')),
    ]);
    w.run("INSERT INTO recovery_codes (mac, account_id, created_at) VALUES (x'02', 'a1', 1)");
  });
});
afterEach(() => temp[Symbol.dispose]());

const idsInFile = (): string[] => readMasterKeys(temp.source).keys.map(({ id }) => id);
const idInForce = (): string | null => readMeta(temp.store.reader, 'master_key_id');
const restart = () => createSealer(temp.store.reader, () => readMasterKeys(temp.source).keys);

/** What is sealed, read as after a restart. */
function contents(): Record<string, string> {
  const sealer = restart();
  const { reader } = temp.store;
  const phc = reader.get<{ s_phc: Uint8Array }>('SELECT s_phc FROM passwords');
  const item = reader.get<{ s_payload: Uint8Array }>('SELECT s_payload FROM oidc_items');
  const ticket = reader.get<{ h_ticket: Uint8Array; s_data: Uint8Array }>(
    'SELECT * FROM tickets WHERE s_data NOT NULL',
  );
  const key = reader.get<{ kid: string; s_private: Uint8Array }>("SELECT * FROM signing_keys WHERE state = 'valid'");
  return {
    password: phc ? sealer.open(places.password('a1'), phc.s_phc).toString() : '',
    item: item ? sealer.open(places.oidcItem('Grant', Buffer.of(0xaa)), item.s_payload).toString() : '',
    ticket: ticket ? sealer.open(places.ticket(ticket.h_ticket), ticket.s_data).toString() : '',
    signing: key ? sealer.open(places.signingKey(key.kid), key.s_private).toString('hex') : '',
    mac: sealer.mac('recovery', 'code').toString('hex'),
  };
}

const crashAfter = (step: RotationStep) => ({
  now: 5,
  onStep: (done: RotationStep) => {
    if (done === step) throw new Error('crash');
  },
});

describe('rotating the master key', () => {
  it('seals every row under the new key and forgets the old one', () => {
    const before = contents();
    const from = idInForce();
    const change = rotateMaster(temp.store, temp.source, { now: 5 });
    expect(change).toEqual({ from, to: idInForce(), resumed: false });
    expect(idsInFile()).toEqual([idInForce()]);
    expect(idInForce()).not.toBe(from);
    expect(contents()).toEqual(before);
  });

  it('IA-73 ends in the old or the new state after a crash at each step, and another run finishes it', () => {
    const before = contents();
    for (const step of ['file_has_both', 'rows_resealed', 'file_has_new'] as const) {
      const from = idInForce();
      expect(() => rotateMaster(temp.store, temp.source, crashAfter(step))).toThrow('crash');
      expect(contents()).toEqual(before);
      expect(idInForce() === from).toBe(step === 'file_has_both');
      const isLeftOver = idsInFile().length === 2;
      expect(isLeftOver).toBe(step !== 'file_has_new');
      if (isLeftOver) expect(rotateMaster(temp.store, temp.source, { now: 6 })).toMatchObject({ from, resumed: true });
      expect(idsInFile()).toEqual([idInForce()]);
      expect(idInForce()).not.toBe(from);
      expect(contents()).toEqual(before);
    }
  });

  it.each(['file_has_both', 'in_transaction', 'rows_resealed', 'file_has_new'])(
    'IA-73 survives kill -9 at %s',
    (step) => {
      const before = contents();
      const script = join(import.meta.dirname, 'test/rotate-killed.ts');
      const { signal } = spawnSync(process.execPath, [script, temp.path, temp.source.file, step], { stdio: 'inherit' });
      expect(signal).toBe('SIGKILL');
      expect(contents()).toEqual(before);
      rotateMaster(temp.store, temp.source, { now: 6 });
      expect(idsInFile()).toEqual([idInForce()]);
      expect(contents()).toEqual(before);
    },
  );

  it('changes nothing when the audit entry cannot be written', () => {
    const from = idInForce();
    const inTransaction = () => {
      throw new Error('no audit');
    };
    expect(() => rotateMaster(temp.store, temp.source, { now: 5, inTransaction })).toThrow('no audit');
    expect(idInForce()).toBe(from);
  });

  it('is followed by a running server', () => {
    const running = temp.sealer;
    const place = places.totp('a1');
    const old = temp.store.change((w) => running.seal(w, place, Buffer.from('before')));
    rotateMaster(temp.store, temp.source, { now: 5 });
    const fresh = temp.store.change((w) => running.seal(w, place, Buffer.from('after')));
    expect(running.open(place, old).toString()).toBe('before');
    expect(restart().open(place, fresh).toString()).toBe('after');
    expect(running.mac('recovery', 'code').toString('hex')).toBe(contents()['mac']);
  });

  it('is refused for a credential', () => {
    const credentialsDirectory = join(temp.folder, 'keys');
    writeFileSync(join(credentialsDirectory, 'mcias-master-key'), readFileSync(temp.source.file));
    const source = { ...temp.source, credentialsDirectory };
    expect(() => rotateMaster(temp.store, source, { now: 5 })).toThrow(/comes from the credential .*cannot write/);
  });
});

describe('resetting a lost master key', () => {
  it('is refused while the key is there', () => {
    expect(() => resetMaster(temp.store, temp.source, { now: 5 })).toThrow(
      /opens this database; use `mcias key rotate/,
    );
  });

  it.each(['missing', 'wrong', 'damaged'])('drops what was sealed when the file is %s', async (state) => {
    const kid = temp.keyring.signer(temp.store.reader, tokenSeries).kid;
    if (state === 'missing') rmSync(temp.source.file);
    if (state === 'wrong') writeMasterKeys(temp.source.file, [createMasterKey()]);
    if (state === 'damaged') writeFileSync(temp.source.file, 'noise\n');
    resetMaster(temp.store, temp.source, { now: 5 });
    expect(idsInFile()).toEqual([idInForce()]);
    const rows = temp.store.reader.get(`SELECT (SELECT count(*) FROM passwords) + (SELECT count(*) FROM tickets)
      + (SELECT count(*) FROM oidc_items) + (SELECT count(*) FROM recovery_codes) AS n`);
    expect(rows).toEqual({ n: 0 });
    expect(restart().mac('recovery', 'code')).toHaveLength(32);

    // What was signed before still verifies, and a new key signs.
    temp.keyring.reload();
    expect(temp.keyring.verifier('mcias', kid)).not.toBeNull();
    await temp.keyring.maintain(5, () => {});
    expect(temp.keyring.signer(temp.store.reader, tokenSeries).kid).not.toBe(kid);
  });

  it('IA-73 converges after a crash between the file and the rows', () => {
    rmSync(temp.source.file);
    expect(() => resetMaster(temp.store, temp.source, crashAfter('file_has_new'))).toThrow('crash');
    expect(() => restart()).toThrow(/sealed under master key/);
    const [written] = idsInFile();
    resetMaster(temp.store, temp.source, { now: 6 });
    expect([idInForce(), ...idsInFile()]).toEqual([written, written]);
    restart();
  });
});
