import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { hashPassword, verifyPassword } from './argon2.ts';
import { formatParams, formatPhc, parsePhc } from './phc.ts';

const cheap = { memoryKib: 64, passes: 2, parallelism: 2 };

describe('Argon2id', () => {
  const [argon2 = ''] = requireClient('argon2');

  it("IA-11 verifies what the reference implementation's command wrote", async () => {
    const args = ['a-salt-of-16-byt', '-id', '-t', '3', '-k', '128', '-p', '4', '-l', '32', '-e'];
    const phc = parsePhc(execFileSync(argon2, args, { input: 'pässwörd one', encoding: 'utf8' }).trim());
    expect(phc?.params).toEqual({ memoryKib: 128, passes: 3, parallelism: 4 });
    expect(await verifyPassword('pässwörd one', phc!)).toBe(true);
    expect(await verifyPassword('pässwörd two', phc!)).toBe(false);
  });

  it('IA-11 writes a PHC string under a new salt each time', async () => {
    const [one, two] = [await hashPassword('the same password', cheap), await hashPassword('the same password', cheap)];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=64,t=2,p=2\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
    expect(await verifyPassword('the same password', parsePhc(one)!)).toBe(true);
    expect(await verifyPassword('the same passwore', parsePhc(two)!)).toBe(false);
  });
});

describe('PHC strings', () => {
  it('are read back as they were written', () => {
    const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), bytes(8, 64), bytes(12, 128), (memoryKib, salt, hash) => {
        const phc = { params: { memoryKib, passes: 3, parallelism: 4 }, salt, hash };
        const parsed = parsePhc(formatPhc(phc));
        expect(parsed?.params).toEqual(phc.params);
        expect(Buffer.from(parsed!.salt).equals(salt) && Buffer.from(parsed!.hash).equals(hash)).toBe(true);
      }),
    );
  });

  const good = formatPhc({ params: cheap, salt: Buffer.alloc(16), hash: Buffer.alloc(32, 1) });
  it.each([
    '',
    good.replace('argon2id', 'argon2i'),
    good.replace('v=19', 'v=16'),
    good.replace('m=64', 'm=0'),
    good.replace('m=64', 'm=064'),
    `${good}=`,
    `${good}\n`,
    ` ${good}`,
    good.replace('v=19', 'v=19$'),
    // Bits after the last byte that are not zero: a second spelling.
    `${good.slice(0, -1)}F`,
  ])('%j is none', (text) => {
    expect(parsePhc(good)).not.toBeNull();
    expect(parsePhc(text)).toBeNull();
  });

  it('say their parameters', () => {
    expect(formatParams(cheap)).toBe('m=64,t=2,p=2');
  });
});
