import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

/** PEM texts made for a test; `certPem` is the leaf alone, `caPem` its issuer. */
export interface IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

export interface IssueOptions {
  /** DNS names, or addresses (then as IP subject alternative names). */
  readonly names: readonly string[];
  /** Validity from notBefore; negative for a certificate that has expired. */
  readonly days?: number;
  readonly notBefore?: Date;
}

export interface TestCa {
  readonly caPem: string;
  issue(options: IssueOptions): Promise<IssuedCertificate>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** A certificate authority of one test: ECDSA P-256, nothing kept on disk. */
export async function makeCa(name = 'Test CA'): Promise<TestCa> {
  x509.cryptoProvider.set(globalThis.crypto);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${name}`,
    notBefore: new Date(now - 400 * DAY_MS),
    notAfter: new Date(now + 400 * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const caPem = certificate.toString('pem');
  return {
    caPem,
    async issue({ names, days = 30, notBefore = new Date(Date.now() - 3_600_000) }) {
      const leafKeys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const from = days < 0 ? new Date(notBefore.getTime() + days * DAY_MS) : notBefore;
      const leaf = await x509.X509CertificateGenerator.create({
        serialNumber: serial(),
        subject: `CN=${names[0] ?? 'leaf'}`,
        issuer: certificate.subject,
        notBefore: from,
        notAfter: days < 0 ? notBefore : new Date(from.getTime() + days * DAY_MS),
        publicKey: leafKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? ('ip' as const) : ('dns' as const), value })),
          ),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      const keyDer = Buffer.from(await crypto.subtle.exportKey('pkcs8', leafKeys.privateKey));
      return { certPem: leaf.toString('pem'), keyPem: pem('PRIVATE KEY', keyDer), caPem };
    },
  };
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  bytes[0] = 1;
  return Buffer.from(bytes).toString('hex');
}
