import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureCa, ensurePair } from '../seed-files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'seed-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const read = (name: string): string => readFileSync(join(dir, name), 'utf8');

describe('ensureCa', () => {
  it('keeps what it made', async () => {
    const first = await ensureCa(dir);
    const second = await ensureCa(dir);
    expect(second.certPem).toBe(first.certPem);
    expect(second.keyPem).toBe(first.keyPem);
  });

  it.each([
    ['the key is missing', () => rmSync(join(dir, 'ca.key'))],
    ['the certificate is cut short', () => truncateSync(join(dir, 'ca.pem'), 100)],
    ['the key is empty', () => truncateSync(join(dir, 'ca.key'))],
    ['the certificate is text', () => writeFileSync(join(dir, 'ca.pem'), 'hello')],
  ])('makes another when %s', async (_, damage) => {
    const first = await ensureCa(dir);
    damage();
    const second = await ensureCa(dir);
    expect(second.certPem).not.toBe(first.certPem);
    expect(read('ca.pem')).toBe(second.certPem);
  });
});

describe('ensurePair', () => {
  it('keeps a pair that is this root’s and covers the names, and makes another otherwise', async () => {
    const ca = await ensureCa(dir);
    await ensurePair(ca, dir, 'a', ['a.test']);
    const first = read('a.pem');
    await ensurePair(ca, dir, 'a', ['a.test']);
    expect(read('a.pem')).toBe(first);

    await ensurePair(ca, dir, 'a', ['a.test', 'b.test']);
    const second = read('a.pem');
    expect(new X509Certificate(second).subjectAltName).toBe('DNS:a.test, DNS:b.test');

    rmSync(join(dir, 'ca.pem'));
    await ensurePair(await ensureCa(dir), dir, 'a', ['a.test', 'b.test']);
    expect(read('a.pem')).not.toBe(second);
  });

  it('makes another when a crash left the key of one with the certificate of another', async () => {
    const ca = await ensureCa(dir);
    await ensurePair(ca, dir, 'a', ['a.test']);
    await ensurePair(ca, dir, 'b', ['b.test']);
    const first = read('a.pem');
    copyFileSync(join(dir, 'b.key'), join(dir, 'a.key'));
    await ensurePair(ca, dir, 'a', ['a.test']);
    expect(read('a.pem')).not.toBe(first);
  });
});
