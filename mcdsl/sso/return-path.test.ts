import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { safeReturnPath } from './index.ts';

describe('return path', () => {
  it('IA-52 stays at the origin, whatever was asked for', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('/', '\\', '.', ':', '@', '?', '#', '%', '\t', '\n', 'h', 'evil', ' ', '2', 'f', 'é'),
    });
    const origin = 'https://app.example.test';
    fc.assert(
      fc.property(
        fc.oneof(
          nasty,
          fc.string(),
          fc.webUrl(),
          nasty.map((text) => `/${text}`),
        ),
        (text) => {
          const path = safeReturnPath(text);
          expect(path).toMatch(/^\/(?!\/)[!-~]*$/);
          expect(path).not.toContain('\\');
          expect(new URL(path, origin).origin).toBe(origin);
          expect(safeReturnPath(path)).toBe(path);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    'https://evil',
    '//evil',
    '/\\evil',
    '\\\\evil',
    '/\t/evil',
    '/\n/evil',
    '/.//evil',
    '/a/..//evil',
    '/%2e//evil',
    'javascript:alert(1)',
    'a',
    '',
    ' /a',
    '/a b',
    `/${'a'.repeat(1024)}`,
  ])('row 31: %j becomes /', (text) => {
    expect(safeReturnPath(text)).toBe('/');
  });

  it.each(['/', '/a/b?c=d&e=%2F', '/d/slug', '/?next=//evil', '/@evil', '/a//b'])('%s is kept', (text) => {
    expect(safeReturnPath(text)).toBe(text);
  });

  it('loses what is never sent to a server', () => {
    expect(safeReturnPath('/a#b')).toBe('/a');
    expect(safeReturnPath(undefined)).toBe('/');
  });
});
