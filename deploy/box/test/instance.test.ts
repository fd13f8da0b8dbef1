import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimInstance, tryClaim } from '../instance.ts';
import { identify } from '../process-id.ts';

let srv: string;
beforeEach(() => {
  srv = mkdtempSync(join(tmpdir(), 'instance-'));
});
afterEach(() => rmSync(srv, { recursive: true }));

it('counts up while instances are held, and gives a released one again', () => {
  const first = claimInstance(srv);
  const second = claimInstance(srv);
  expect([first.dir, second.dir]).toEqual([join(srv, 'box'), join(srv, 'box-2')]);
  first.release();
  expect(claimInstance(srv).dir).toBe(first.dir);
  expect(tryClaim(second.dir)).toBeNull();
});

it.each([
  ['empty, its writer having died', ''],
  ['of other text', '[1]'],
  ['of a pid that another process has now', JSON.stringify({ pid: process.pid, started: '1' })],
  ['of no process', JSON.stringify({ pid: 2 ** 30, started: '1' })],
])('takes over a lock that is %s', (_, text) => {
  mkdirSync(join(srv, 'box'));
  writeFileSync(join(srv, 'box/lock'), text);
  expect(claimInstance(srv).dir).toBe(join(srv, 'box'));
  expect(readdirSync(join(srv, 'box'))).toEqual(['lock']);
});

it('lets only one take over the lock of the dead', () => {
  mkdirSync(join(srv, 'box'));
  writeFileSync(join(srv, 'box/lock'), '');
  writeFileSync(join(srv, 'box/lock.takeover'), JSON.stringify(identify(process.pid)));
  expect(tryClaim(join(srv, 'box'))).toBeNull();
});

it('says what to do when all are taken', () => {
  for (let count = 0; count < 16; count++) claimInstance(srv);
  expect(() => claimInstance(srv)).toThrow(/^16 boxes below .* are taken.*\nStop one of them.*--dir DIRECTORY$/);
});
