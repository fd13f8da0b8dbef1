import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HashEngine, ResumableHash } from '../native.ts';
import { hashEngines } from './engines.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const oracle = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function hashed(engine: HashEngine, pieces: readonly Uint8Array[]): Promise<ResumableHash> {
  const hash = await engine.sha256();
  for (const piece of pieces) hash.update(piece);
  return hash;
}

async function loaded(engine: HashEngine, saved: Uint8Array): Promise<ResumableHash> {
  const hash = await engine.loadSha256(saved);
  if (!hash) throw new Error(`${engine.engine}: refused a saved state of ${saved.length} bytes`);
  return hash;
}

describe.each(hashEngines)('SHA-256, $engine', (engine) => {
  test('agrees with OpenSSL on any bytes in any pieces, and tells its length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), async (pieces) => {
        const whole = Buffer.concat(pieces);
        const hash = await hashed(engine, pieces);
        expect(hash.length).toBe(whole.length);
        expect(hex(hash.digest())).toBe(oracle(whole));
      }),
      { numRuns: 50 },
    );
  });

  test('digest and save leave the hash as it was', async () => {
    const hash = await hashed(engine, [Buffer.from('a')]);
    expect(hex(hash.digest())).toBe(oracle(Buffer.from('a')));
    hash.save();
    hash.update(Buffer.from('b'));
    expect(hex(hash.digest())).toBe(oracle(Buffer.from('ab')));
  });

  test('keeps its place beyond 4 GiB', async () => {
    const saved = (await hashed(engine, [])).save();
    new DataView(saved.buffer, saved.byteOffset).setBigUint64(1, 2n ** 40n);
    const hash = await loaded(engine, saved);
    expect(hash.length).toBe(2 ** 40);
    hash.update(new Uint8Array(64));
    expect(hash.length).toBe(2 ** 40 + 64);
    expect(hash.save().length).toBe(41);
  });

  test('refuses what is no saved state', async () => {
    const saved = (await hashed(engine, [new Uint8Array(70).fill(7)])).save();
    const wrongForm = Uint8Array.from(saved);
    wrongForm[0] = 2;
    const wrong = [new Uint8Array(), saved.subarray(0, -1), Buffer.concat([saved, Buffer.from([0])]), wrongForm];
    for (const bytes of wrong) expect(await engine.loadSha256(bytes)).toBeNull();
  });
});

describe('SHA-256 from one engine to another', () => {
  const pairs = hashEngines.flatMap((first) => hashEngines.map((second) => ({ from: first, to: second })));

  test.each(pairs)('$from.engine to $to.engine: a saved state goes on at any length', async ({ from, to }) => {
    const bytes = Uint8Array.from({ length: 200 }, (_, index) => (index * 7) & 255);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const first = await hashed(from, [bytes.subarray(0, cut)]);
      const second = await loaded(to, first.save());
      expect(second.length).toBe(cut);
      expect(hex(second.save())).toBe(hex(first.save()));
      second.update(bytes.subarray(cut));
      expect(hex(second.digest())).toBe(oracle(bytes));
    }
  });
});
