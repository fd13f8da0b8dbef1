import { expect, it } from 'vitest';

import { floodLogins } from '../test-support/flood.ts';
import { createMciasFolder } from '../test-support/running-mcias.ts';

it('IA-12 row 15: a thousand logins at once: some are served, the rest is told when to come back, and validate answers', async () => {
  using folder = await createMciasFolder();
  const { answers, waits, validated } = await floodLogins(folder, 1000);
  expect([...answers.keys()].toSorted()).toEqual(['401 invalid_credentials', '429 busy']);
  expect(answers.get('401 invalid_credentials')).toBeGreaterThanOrEqual(64);
  expect(waits).toEqual(new Set(['1']));
  expect(validated).toBeGreaterThan(10);
}, 300_000);
