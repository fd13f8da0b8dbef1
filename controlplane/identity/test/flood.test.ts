import { expect, it } from 'vitest';

import { floodLogins } from '../test-support/flood.ts';
import { createMciasFolder } from '../test-support/running-mcias.ts';

it('IA-12 row 15: more logins at once than slots and queue hold: the rest is told busy, and validate answers', async () => {
  using folder = await createMciasFolder('[argon2]\nmemory = "64MiB"\nmemory_cap = "64MiB"\nqueue = 2\n');
  const { answers, waits, validated } = await floodLogins(folder, 40);
  expect([...answers.keys()].toSorted()).toEqual(['401 invalid_credentials', '429 busy']);
  expect(waits).toEqual(new Set(['1']));
  expect(validated).toBeGreaterThan(0);
});
