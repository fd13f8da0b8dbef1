import { X509Certificate, createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSeedCa, loadSeedCa } from './index.ts';

describe('seed CA', () => {
  it('issues a pair that belongs together, verifies against the root and covers its names', async () => {
    const ca = await createSeedCa('Test Root');
    const { certPem, keyPem } = await ca.issue({ names: ['app.example.test', '*.example.test', '127.0.0.1', '::1'] });
    const root = new X509Certificate(ca.certPem);
    const leaf = new X509Certificate(certPem);
    expect(root.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect(leaf.checkHost('app.example.test')).toBe('app.example.test');
    expect(leaf.checkHost('other.example.test')).toBe('*.example.test');
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.checkIP('::1')).toBeDefined();
  });

  it('goes on from its stored texts', async () => {
    const first = await createSeedCa();
    const again = await loadSeedCa(first.certPem, first.keyPem);
    const { certPem } = await again.issue({ names: ['a.test'], days: 1 });
    expect(new X509Certificate(certPem).verify(new X509Certificate(first.certPem).publicKey)).toBe(true);
  });
});
