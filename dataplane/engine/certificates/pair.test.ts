import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadAuthorities, loadPair, namesCover } from './index.ts';
import { EXPIRED, makePemDir, type PemDir } from './test/pem-dir.ts';

let dir: PemDir;
beforeAll(async () => {
  dir = await makePemDir();
});
afterAll(() => dir[Symbol.dispose]());

function problemOf(tlsCert: string, tlsKey: string, nowMs = Date.now()) {
  const load = loadPair(tlsCert, tlsKey, nowMs);
  if (load.kind === 'loaded') throw new Error('a refusal was expected');
  return load.problem;
}

describe('certificate pairs', () => {
  it('loads a chain with its key and describes the leaf', async () => {
    const pair = await dir.issue(['app.example.test', '*.example.test', '192.0.2.1']);
    const { tlsCert, tlsKey } = dir.writePair('good', { ...pair, certPem: pair.certPem + dir.ca.certPem });
    const load = loadPair(tlsCert, tlsKey, Date.now());
    if (load.kind === 'refused') throw new Error(load.problem.message);
    expect(load.value.info).toMatchObject({
      subject: 'CN=app.example.test',
      issuer: 'CN=Test CA',
      names: ['app.example.test', '*.example.test', '192.0.2.1'],
    });
    expect(load.value.info.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(load.value.info.notAfter.getTime()).toBeGreaterThan(Date.now());
    expect(load.value.pem.certPem).toBe(readFileSync(tlsCert, 'utf8'));
    expect(load.value.warnings).toEqual([]);
  });

  it('refuses a file that is missing, a directory, a FIFO, a loop of links, too large: with path, errno and remedy', async () => {
    const { tlsCert, tlsKey } = await dir.pair('present');
    expect(problemOf(dir.path('absent.pem'), tlsKey)).toEqual({
      code: 'certificate_unreadable',
      field: 'tls_cert',
      message: `${dir.path('absent.pem')} cannot be read (ENOENT): there is no such file; correct the path, or have the certificate issued first`,
    });
    expect(problemOf(tlsCert, dir.path('absent.key'))).toMatchObject({
      field: 'tls_key',
      code: 'certificate_unreadable',
    });
    mkdirSync(dir.path('directory'));
    expect(problemOf(dir.path('directory'), tlsKey).message).toContain('is not a file');
    execFileSync('mkfifo', [dir.path('fifo')]);
    expect(problemOf(dir.path('fifo'), tlsKey).message).toContain('is not a file');
    symlinkSync(dir.path('loop'), dir.path('loop'));
    expect(problemOf(dir.path('loop'), tlsKey).message).toContain('ELOOP');
    expect(problemOf(`${tlsCert}/x`, tlsKey).message).toContain('ENOTDIR');
    const large = dir.write('large.pem', 'x'.repeat(1024 * 1024 + 1));
    expect(problemOf(large, tlsKey)).toMatchObject({
      code: 'certificate_invalid',
      message: expect.stringContaining('1 MiB'),
    });
  });

  it.skipIf(process.getuid?.() === 0)('refuses a file that the user may not read', async () => {
    const { tlsCert, tlsKey } = await dir.pair('secret');
    chmodSync(tlsKey, 0);
    expect(problemOf(tlsCert, tlsKey).message).toMatch(/EACCES.*uid/);
  });

  it('refuses an expired certificate and one that is not valid yet', async () => {
    const past = await dir.pair('past', ['past'], EXPIRED);
    expect(problemOf(past.tlsCert, past.tlsKey)).toMatchObject({
      code: 'certificate_expired',
      message: expect.stringContaining('expired on 2020-01-31T00:00:00.000Z; renew it'),
    });
    const future = await dir.pair('future', ['future'], { notBefore: new Date(Date.now() + 86_400_000) });
    expect(problemOf(future.tlsCert, future.tlsKey)).toMatchObject({
      code: 'certificate_invalid',
      message: expect.stringContaining('check the clock'),
    });
  });

  it('refuses a key of another certificate, and says so when the leaf is not first', async () => {
    const one = await dir.pair('one');
    const other = await dir.pair('other');
    expect(problemOf(one.tlsCert, other.tlsKey)).toMatchObject({ code: 'certificate_mismatch', field: 'tls_key' });
    const leaf = await dir.issue(['late']);
    const late = dir.writePair('late', { ...leaf, certPem: dir.ca.certPem + leaf.certPem });
    expect(problemOf(late.tlsCert, late.tlsKey)).toMatchObject({
      code: 'certificate_mismatch',
      field: 'tls_cert',
      message: expect.stringContaining('the key belongs to certificate 2'),
    });
  });

  it('names files that are swapped, encrypted, empty, cut off or rubbish', async () => {
    const { tlsCert, tlsKey } = await dir.pair('clean');
    expect(problemOf(tlsKey, tlsKey).message).toContain('swapped');
    expect(problemOf(tlsCert, tlsCert).message).toContain('swapped');
    const locked = dir.path('locked.key');
    execFileSync('openssl', ['pkey', '-in', tlsKey, '-out', locked, '-aes256', '-passout', 'pass:x']);
    expect(problemOf(tlsCert, locked)).toMatchObject({
      field: 'tls_key',
      message: expect.stringContaining('is encrypted'),
    });
    const text = readFileSync(tlsCert, 'utf8');
    const bad = [
      ['', 'holds no PEM certificate'],
      ['\0\xff garbage', 'holds no PEM certificate'],
      [text.slice(0, 200), 'holds no PEM certificate'],
      ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'certificate 1 of'],
      [`${text}-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n`, 'certificate 2 of'],
    ] as const;
    for (const [content, message] of bad) {
      expect(problemOf(dir.write('bad.pem', content), tlsKey).message).toContain(message);
    }
    const badKey = dir.write('bad.key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
    expect(problemOf(tlsCert, badKey).message).toContain('cannot be parsed');
  });

  it('refuses what OpenSSL would refuse at the first handshake', () => {
    const [tlsCert, tlsKey] = [dir.path('weak.pem'), dir.path('weak.key')];
    const subject = ['-subj', '/CN=weak', '-days', '30'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-keyout', tlsKey, '-out', tlsCert, ...subject],
      {
        stdio: 'ignore',
      },
    );
    expect(problemOf(tlsCert, tlsKey)).toMatchObject({
      code: 'certificate_invalid',
      message: expect.stringContaining('OpenSSL refuses'),
    });
  });

  it('warns of a key that everybody may read and of an issuer that is not the issuer', async () => {
    const pair = await dir.issue(['warned']);
    const stranger = await dir.issue(['stranger']);
    const { tlsCert, tlsKey } = dir.writePair('warned', { ...pair, certPem: pair.certPem + stranger.certPem });
    chmodSync(tlsKey, 0o644);
    const load = loadPair(tlsCert, tlsKey, Date.now());
    expect(load.kind === 'loaded' && load.value.warnings).toEqual([
      expect.stringContaining('certificate 2 of'),
      expect.stringContaining('readable by every user'),
    ]);
  });

  it('compares names as clients do', () => {
    const names = ['app.example.test', '*.example.test'];
    expect(namesCover(names, 'app.example.test')).toBe(true);
    expect(namesCover(names, 'other.example.test')).toBe(true);
    expect(namesCover(names, 'a.b.example.test')).toBe(false);
    expect(namesCover(names, 'example.test')).toBe(false);
    expect(namesCover(names, '*.example.test')).toBe(true);
    expect(namesCover(['app.example.test'], '*.example.test')).toBe(false);
    expect(namesCover(['*.example.test'], '*.a.example.test')).toBe(false);
  });

  it('loads bundles of authorities and refuses what is none', () => {
    const bundle = dir.write('bundle.pem', `comment\n${dir.ca.certPem}\r\n${dir.ca.certPem}`);
    const load = loadAuthorities(bundle, 'client_ca');
    expect(load.kind === 'loaded' && load.value.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(loadAuthorities(dir.write('none.pem', 'x'), 'client_ca')).toMatchObject({
      kind: 'refused',
      problem: { code: 'certificate_invalid', field: 'client_ca' },
    });
    expect(loadAuthorities(dir.path('absent.pem'), 'backend_ca')).toMatchObject({
      problem: { code: 'certificate_unreadable', field: 'backend_ca' },
    });
  });
});
