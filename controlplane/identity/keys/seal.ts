import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, randomUUID } from 'node:crypto';

import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { identityErrors, refusal } from '../errors.ts';
import { readMeta } from '../store/index.ts';
import type { MasterKey } from './master-key.ts';
import { places, type Place } from './places.ts';

/** Seals what the database must keep and a thief of the database must not read. */
export type Sealer = {
  /** Takes the writer because the key in force is the one that the transaction sees: another process may rotate it. */
  seal(writer: Writer, place: Place, plain: Uint8Array): Buffer;
  /** @throws internal with the reason seal_mismatch when the value was changed, moved, or sealed under another key */
  open(place: Place, sealed: Uint8Array): Buffer;
  /** HMAC-SHA256 under a key of this database, one for each purpose. It stays the same when the master key is rotated. */
  mac(purpose: string, data: string | Uint8Array): Buffer;
  /** Makes the key of `mac` if there is none yet. */
  prepare(writer: Writer, now: number): void;
};

const version = 1;
const keyIdBytes = 8;
const nonceBytes = 12;
const tagBytes = 16;
const headerBytes = 1 + keyIdBytes + nonceBytes;

/**
 * @param load reads the master key file; called again when a value names a key that is not known yet
 * @throws failed_precondition when the file's keys do not include the one that the database is under
 */
export function createSealer(reader: Reader, load: () => readonly MasterKey[]): Sealer {
  const known = new Map<string, Buffer>();
  const learn = (): void => {
    for (const { id, secret } of load()) known.set(id, sealingKey(secret));
  };
  const keyOf = (id: string): Buffer => {
    if (!known.has(id)) learn();
    const key = known.get(id);
    if (key === undefined) throw wrongMasterKey(id, [...known.keys()]);
    return key;
  };
  learn();
  keyOf(currentKeyId(reader));

  const open = (place: Place, sealed: Uint8Array): Buffer => {
    const bytes = Buffer.from(sealed);
    const keyId = bytes.subarray(1, 1 + keyIdBytes).toString('hex');
    if (bytes.length < headerBytes + tagBytes || bytes[0] !== version) throw mismatch(place);
    const nonce = bytes.subarray(1 + keyIdBytes, headerBytes);
    const plain = openGcm(keyOf(keyId), nonce, additional(place), bytes.subarray(headerBytes));
    if (plain === null) throw mismatch(place);
    return plain;
  };

  const macKey = (): Buffer => {
    const row = reader.get<{ s_value: Uint8Array }>("SELECT s_value FROM sealed_meta WHERE key = 'mac_key'");
    if (row === null)
      throw identityErrors.error('failed_precondition', 'the database has no keys yet; run `mcias init`');
    return open(places.macKey(), row.s_value);
  };

  const sealer: Sealer = {
    seal(writer, place, plain) {
      const keyId = currentKeyId(writer);
      const nonce = randomBytes(nonceBytes);
      const boxed = sealGcm(keyOf(keyId), nonce, additional(place), plain);
      return Buffer.concat([Buffer.of(version), Buffer.from(keyId, 'hex'), nonce, boxed]);
    },
    open,
    mac(purpose, data) {
      const key = Buffer.from(hkdfSync('sha256', macKey(), '', `mcias mac v1 ${purpose}`, 32));
      return createHmac('sha256', key).update(data).digest();
    },
    prepare(writer, now) {
      if (writer.get("SELECT 1 FROM sealed_meta WHERE key = 'mac_key'") !== null) return;
      writer.run("INSERT INTO sealed_meta (key, s_value, created_at) VALUES ('mac_key', ?, ?)", [
        sealer.seal(writer, places.macKey(), randomBytes(32)),
        now,
      ]);
    },
  };
  return sealer;
}

/** Ciphertext and tag, or null when they are not authentic. */
export function openGcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, boxed: Uint8Array): Buffer | null {
  const split = boxed.length - tagBytes;
  if (split < 0) return null;
  // Without authTagLength node accepts tags of 4 bytes, which can be guessed.
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(aad);
  decipher.setAuthTag(boxed.subarray(split));
  const plain = decipher.update(boxed.subarray(0, split));
  try {
    decipher.final();
    return plain;
  } catch {
    return null;
  }
}

export function sealGcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

export function wrongMasterKey(needed: string, present: readonly string[]): Error {
  return identityErrors.error(
    'failed_precondition',
    `the database is sealed under master key ${needed}, and the key file has ${present.join(' and ') || 'none'}: ` +
      'put the right file in place, or run `mcias key reset-master` when it is lost',
    { needed, present },
  );
}

function currentKeyId(reader: Reader): string {
  const id = readMeta(reader, 'master_key_id');
  if (id !== null) return id;
  throw identityErrors.error('failed_precondition', 'the database has no master key yet; run `mcias init`');
}

function sealingKey(secret: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'mcias seal v1', 32));
}

function additional({ table, column, row }: Place): Buffer {
  return Buffer.from(JSON.stringify([table, column, row]));
}

function mismatch({ table, column, row }: Place): Error {
  const errorId = randomUUID();
  return refusal('internal', 'seal_mismatch', {
    message: `internal error; the log has the cause under error_id ${errorId}`,
    details: { error_id: errorId },
    logged: { error_id: errorId, table, column, row },
  });
}
