import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { defineApi, json, jsonBody, route } from './index.ts';
import { startServer } from './test/fixture.ts';

describe('HTTP authorization map', () => {
  const list = route({ method: 'GET', path: '/a', answer: () => json(200, {}) });

  it('IA-70 stops the start for a route without a rule, and for a rule without a route', () => {
    const none = {} as { list: 'public' };
    expect(() => defineApi({ routes: { list }, authorization: none })).toThrow(
      'HTTP GET /a (list) is missing from the authorization map',
    );
    const more = { list: 'public', gone: 'public' } as const;
    expect(() => defineApi({ routes: { list }, authorization: more })).toThrow(
      'the authorization rule gone belongs to no route',
    );
  });

  it('refuses a schema that lets unknown fields pass, however deep', () => {
    const loose = z.strictObject({ items: z.array(z.object({ a: z.string() })).optional() });
    const define = () => route({ method: 'POST', path: '/b', body: jsonBody(loose), answer: () => json(200, {}) });
    expect(define).toThrow('HTTP POST /b: an object of its schema lets unknown fields pass');
  });

  it('refuses a route registered twice', async () => {
    const api = defineApi({ routes: { list, again: list }, authorization: { list: 'public', again: 'public' } });
    await expect(startServer([api])).rejects.toThrow(/already declared/);
  });
});
