import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { refusalOf } from '../errors.ts';
import { canonicalPassword, checkNewPassword, parseBlocklist, readBlocklist } from './password-rules.ts';

const rules = {
  minLength: 12,
  blocklist: parseBlocklist('correct horse battery\r\nStraße-nummer-1\n\npassword12345\n'),
};

function reasonOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return refusalOf(error)?.reason;
  }
  return undefined;
}

describe('rules for new passwords', () => {
  it('IA-15 have no rule about kinds of characters', () => {
    for (const password of ['aaaaaaaaaaaaa', '            ', '1234567890123', 'ничего-секретного', '🦀'.repeat(12)]) {
      expect(checkNewPassword(password, 'ann', rules)).toBe(password);
    }
  });

  it.each([
    ['eleven characters', 'elevenchars'],
    ['eleven code points in 44 bytes', '🦀'.repeat(11)],
    ['eleven characters after NFC', 'u\u0308'.repeat(11)],
    ['257 bytes', 'x'.repeat(257)],
    ['258 bytes of 129 characters', 'ü'.repeat(129)],
    ['a listed one', 'password12345'],
    ['a listed one in other case', 'CORRECT Horse Battery'],
    ['a listed one with ß as SS', 'STRASSE-NUMMER-1'],
    ['a listed one, decomposed and folded', 'correct horse battery'.normalize('NFD').toUpperCase()],
  ])('IA-15 refuse %s', (_, password) => {
    expect(reasonOf(() => checkNewPassword(password, 'ann', rules))).toBe('weak_password');
  });

  it("IA-15 refuse the account's name in any case, and take what only contains it", () => {
    expect(reasonOf(() => checkNewPassword('Operator.Name', 'operator.name', rules))).toBe('weak_password');
    expect(checkNewPassword('operator.name!', 'operator.name', rules)).toBe('operator.name!');
  });

  it('IA-15 take exactly 256 bytes', () => {
    expect(checkNewPassword('ü'.repeat(128), 'ann', rules)).toHaveLength(128);
  });

  it.each(['\ud800aaaaaaaaaaaa', 'aaaaaaaaaaaa\udc00'])(
    'bad input row 17: a lone surrogate is refused: %j',
    (password) => {
      expect(reasonOf(() => checkNewPassword(password, 'ann', rules))).toBe('bad_encoding');
      expect(reasonOf(() => canonicalPassword(password))).toBe('bad_encoding');
    },
  );

  it('are checked on the form that is hashed: one password, however the keyboard composes it', () => {
    expect(canonicalPassword('u\u0308ber')).toBe('\u00fcber');
    expect(checkNewPassword('u\u0308'.repeat(12), 'ann', rules)).toBe('\u00fc'.repeat(12));
    expect(canonicalPassword('x'.repeat(257))).toBeNull();
  });
});

describe('block list', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mcias-blocklist-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('IA-15 is a file of one password a line', () => {
    const path = join(folder, 'list.txt');
    writeFileSync(path, 'First-Password-1\r\nsecond password 2');
    const read = readBlocklist(path);
    const blocklist = read.ok ? read.blocklist : new Set<string>();
    expect(blocklist.size).toBe(2);
    for (const listed of ['first-password-1', 'SECOND PASSWORD 2']) {
      expect(reasonOf(() => checkNewPassword(listed, 'ann', { minLength: 1, blocklist }))).toBe('weak_password');
    }
  });

  it('says what is wrong with a file that cannot be used', () => {
    const path = join(folder, 'latin1.txt');
    writeFileSync(path, Buffer.from([0x70, 0xe4, 0x0a]));
    for (const file of [path, join(folder, 'missing.txt'), folder]) {
      expect(readBlocklist(file)).toMatchObject({ ok: false, message: expect.stringContaining(file) });
    }
  });
});
