import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { hashOfSecret, hashSecret, newSecret, secretsEqual } from './index.ts';

describe('secrets', () => {
  it('IA-16 are compared by digests: equal only when every byte is, whatever their lengths', () => {
    const bytes = fc.uint8Array({ maxLength: 64 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(secretsEqual(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(secretsEqual(a, Uint8Array.from(a))).toBe(true);
      }),
    );
    expect(secretsEqual('ü', Buffer.from('ü', 'utf8'))).toBe(true);
    expect(secretsEqual('a', 'ab')).toBe(false);
    expect(secretsEqual('', '')).toBe(true);
  });

  it('are never the same twice, and recognised by their hash', () => {
    const secrets = Array.from({ length: 1_000 }, newSecret);
    expect(new Set(secrets).size).toBe(1_000);
    for (const secret of secrets) {
      expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(hashOfSecret(secret)).toEqual(hashSecret(secret));
    }
  });

  it.each(['', 'a', 'a'.repeat(44), `${'a'.repeat(42)}=`, `${'a'.repeat(43)}\n`, `${'a'.repeat(42)}é`])(
    '%j is no secret',
    (text) => {
      expect(hashOfSecret(text)).toBeNull();
    },
  );
});
