import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest } from './suggest.ts';

describe('the nearest known word', () => {
  const known = ['rate_limit', 'rate_window', 'blocked_ips', 'addr', 'tls_cert', 'tls_key'];

  it.each([
    ['rate_limt', 'rate_limit'],
    ['rate-limit', 'rate_limit'],
    ['RateLimit', 'rate_limit'],
    ['rate_wnidow', 'rate_window'],
    ['blocked_ip', 'blocked_ips'],
    ['adr', 'addr'],
    ['tls_crt', 'tls_cert'],
    ['listen', null],
    ['x', null],
    ['', null],
  ])('of %j is %j', (word, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });

  it('is any known word itself', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z_]{1,20}$/), { minLength: 1 }), (words) => {
        for (const word of words) expect(nearest(word, words)).toBe(word);
      }),
    );
  });
});
