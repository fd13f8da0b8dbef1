import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { isIP } from 'node:net';

/** A certificate, without its issuer's, and its private key (PKCS #8), both PEM. */
export interface IssuedPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface IssueOptions {
  /** Host names and addresses; the first is the common name. */
  readonly names: readonly string[];
  readonly days?: number;
  readonly notBefore?: Date;
  /** Default: a server certificate. */
  readonly usage?: 'server' | 'client';
}

/**
 * The seed authority: an ECDSA P-256 root that signs the first certificates of a machine, before the vault runs (and in tests). Not
 * a CA for daily use: it keeps no record of what it issued.
 */
export interface SeedCa {
  readonly certPem: string;
  readonly keyPem: string;
  issue(options: IssueOptions): Promise<IssuedPair>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Clocks of peers may be behind ours. */
const BACKDATE_MS = 300_000;

export async function createSeedCa(commonName = 'Metacircular Seed CA', days = 3650): Promise<SeedCa> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const notBefore = new Date(Date.now() - BACKDATE_MS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    notBefore,
    notAfter: new Date(notBefore.getTime() + days * DAY_MS),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return assemble(certificate, keys.privateKey, await exportKey(keys.privateKey));
}

/** Rejects when the texts are no certificate and key. That they belong together is not checked: what a stranger's key signs verifies nowhere. */
export async function loadSeedCa(certPem: string, keyPem: string): Promise<SeedCa> {
  const certificate = new x509.X509Certificate(certPem);
  const der = x509.PemConverter.decodeFirst(keyPem);
  const key = await crypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
  return assemble(certificate, key, keyPem);
}

function assemble(root: x509.X509Certificate, signingKey: CryptoKey, keyPem: string): SeedCa {
  return {
    certPem: `${root.toString('pem')}\n`,
    keyPem,
    async issue({ names, days = 365, notBefore = new Date(Date.now() - BACKDATE_MS), usage = 'server' }) {
      const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const certificate = await x509.X509CertificateGenerator.create({
        subject: [{ CN: [names[0] ?? 'unnamed'] }],
        issuer: root.subject,
        notBefore,
        notAfter: new Date(notBefore.getTime() + days * DAY_MS),
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([
            usage === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
          ]),
          new x509.SubjectAlternativeNameExtension(
            names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name })),
          ),
          await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      return { certPem: `${certificate.toString('pem')}\n`, keyPem: await exportKey(keys.privateKey) };
    },
  };
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}
