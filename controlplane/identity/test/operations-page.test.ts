import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { createMciasFolder } from '../test-support/running-mcias.ts';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/operations-mcias.md'), 'utf8');

it('docs/operations-mcias.md names every metric of mcias and no other', async () => {
  using folder = await createMciasFolder();
  await using mcias = await folder.start();
  const scrape = await (await fetch(`http://127.0.0.1:${mcias.metricsPort}/metrics`)).text();
  const served = [...scrape.matchAll(/^# TYPE (mc_mcias_[a-z_]+) /gm)].map(([, name]) => name);
  const named = [...page.matchAll(/^\| `(mc_mcias_[a-z_]+)`/gm)].map(([, name]) => name);
  const shared = /^mc_mcias_(process|nodejs|event_loop|gc|metrics|build|http)_/;
  expect(named.toSorted()).toEqual(served.filter((name = '') => !shared.test(name)).toSorted());
});

it('every command of the page exists, with its options', () => {
  const commands = [
    ...page.matchAll(/mcias ((?:init|recover|restore|snapshot|audit verify|config check|key [a-z-]+)\b)([^`\n]*)/g),
  ];
  const options = new Map<string, Set<string>>();
  for (const [, words = '', rest = ''] of commands) {
    const known = options.get(words) ?? new Set();
    for (const [option] of rest.matchAll(/--[a-z-]+/g)) known.add(option);
    options.set(words, known);
  }
  expect(options.size).toBeGreaterThan(5);
  for (const [words, named] of options) {
    const { status, stdout } = spawnSync(join(root, 'bin/mcias'), [...words.split(' '), '--help'], {
      encoding: 'utf8',
    });
    expect([words, status]).toEqual([words, 0]);
    for (const option of named) expect(stdout).toContain(option);
  }
});
