import { open, stat } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { errnoOf, messageOf } from '../../mcdsl/errors/index.ts';
import { openMmdb } from './mmdb.ts';
import { MmdbFormatError } from './mmdb-fields.ts';
import { verifyMmdb } from './mmdb-verify.ts';

/** `buildEpoch`: seconds since 1970. `type`: the database_type of the metadata. `signature`: tells this file from a later one. */
export type GeoipLoad =
  | {
      readonly kind: 'loaded';
      readonly buffer: SharedArrayBuffer;
      readonly buildEpoch: number;
      readonly type: string;
      readonly signature: string;
    }
  | { readonly kind: 'failed'; readonly reason: string };

export interface GeoipLoadOptions {
  /** Default 512 MiB; the largest databases with countries are below 200 MiB. */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 512 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

/**
 * Reads a database whole into memory that all threads can share, and verifies every part of it that a lookup could touch.
 * Refuses what is no MaxMind DB, is cut off, damaged, too big, without countries, or was written to while it was read.
 */
export async function loadGeoipDatabase(path: string, options: GeoipLoadOptions = {}): Promise<GeoipLoad> {
  try {
    const { buffer, signature } = await readStable(path, options.maxBytes ?? DEFAULT_MAX_BYTES);
    const db = openMmdb(Buffer.from(buffer));
    await verifyMmdb(db);
    return { kind: 'loaded', buffer, buildEpoch: db.meta.buildEpoch, type: db.meta.type, signature };
  } catch (error) {
    return { kind: 'failed', reason: `GeoIP database ${path} is refused: ${describe(error)}` };
  }
}

/** Identity, size and time of a file's content: changes whenever the file is written or replaced. */
export function fileSignature(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

async function readStable(path: string, maxBytes: number): Promise<{ buffer: SharedArrayBuffer; signature: string }> {
  // Before the file is opened: to open a FIFO would wait for its writer.
  const kind = await stat(path);
  if (!kind.isFile()) throw new MmdbFormatError('it is not a regular file');
  await using file = await open(path, 'r');
  const before = await file.stat({ bigint: true });
  if (before.size === 0n) throw new MmdbFormatError('it is empty');
  if (before.size > BigInt(maxBytes)) {
    throw new MmdbFormatError(`it has ${before.size} bytes, more than the ${maxBytes} that are allowed`);
  }
  const buffer = new SharedArrayBuffer(Number(before.size));
  const bytes = Buffer.from(buffer);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, Math.min(READ_BYTES, bytes.length - filled), filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  const after = fileSignature(await file.stat({ bigint: true }));
  const named = fileSignature(await stat(path, { bigint: true }));
  const signature = fileSignature(before);
  if (filled < bytes.length || after !== signature || named !== signature) {
    throw new MmdbFormatError('it was changed while it was read; replace it by renaming a complete file over it');
  }
  return { buffer, signature };
}

function describe(error: unknown): string {
  return errnoOf(error) === 'ENOENT' ? 'it does not exist' : messageOf(error);
}
