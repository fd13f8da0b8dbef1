import { createSecureContext } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { makeCa } from './certificates.ts';

it('issues certificates that OpenSSL takes and that chain to their CA', async () => {
  const ca = await makeCa();
  const issued = await ca.issue({ names: ['a.example.test', '127.0.0.1'], days: 3 });
  const leaf = new X509Certificate(issued.certPem);
  expect(leaf.verify(new X509Certificate(ca.caPem).publicKey)).toBe(true);
  expect(leaf.subjectAltName).toBe('DNS:a.example.test, IP Address:127.0.0.1');
  expect(() => createSecureContext({ cert: issued.certPem, key: issued.keyPem, ca: issued.caPem })).not.toThrow();
});

it('issues expired certificates on demand', async () => {
  const issued = await (await makeCa()).issue({ names: ['old.example.test'], days: -3 });
  expect(new X509Certificate(issued.certPem).validToDate.getTime()).toBeLessThan(Date.now());
});
