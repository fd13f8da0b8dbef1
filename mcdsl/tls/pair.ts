import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../errors/index.ts';
import { isCertificateLabel, isKeyLabel, pemBlocks, readPemFile, type PemProblem } from './pem-file.ts';

export interface CertificateInfo {
  readonly subject: string;
  readonly issuer: string;
  /** DNS names and addresses of subjectAltName, lower case. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Of the leaf's DER form, lower-case hex. */
  readonly sha256: string;
}

export interface CertificatePair {
  readonly pem: { readonly certPem: string; readonly keyPem: string };
  readonly info: CertificateInfo;
  /** What works, but not as the operator will want it. */
  readonly warnings: readonly string[];
}

export type PairLoad =
  | { readonly kind: 'loaded'; readonly value: CertificatePair }
  | { readonly kind: 'refused'; readonly problem: PemProblem };

/**
 * Reads a certificate chain and its key and refuses what a TLS server can't or shouldn't serve: unreadable, not PEM, leaf not
 * first, key of another certificate, encrypted key, expired, not yet valid, too weak for OpenSSL's security level.
 */
export function loadPair(certPath: string, keyPath: string, nowMs: number): PairLoad {
  const certFile = readPemFile(certPath, 'tls_cert');
  if (certFile.kind === 'problem') return { kind: 'refused', problem: certFile.problem };
  const keyFile = readPemFile(keyPath, 'tls_key');
  if (keyFile.kind === 'problem') return { kind: 'refused', problem: keyFile.problem };

  const chain = parseChain(certPath, certFile.text);
  if (!Array.isArray(chain)) return { kind: 'refused', problem: chain };
  const key = parseKey(keyPath, keyFile.text);
  if ('code' in key) return { kind: 'refused', problem: key };
  const [leaf] = chain;
  if (!leaf) return refuse('certificate_invalid', 'tls_cert', `${certPath} holds no certificate`);
  const problem =
    checkMatch(chain, leaf, key, certPath, keyPath) ??
    checkValidity(leaf, certPath, nowMs) ??
    checkUsable(certFile.text, keyFile.text, certPath);
  if (problem) return { kind: 'refused', problem };

  const warnings = chainWarnings(chain, certPath, nowMs);
  if (keyFile.readableByAll) warnings.push(`${keyPath} is readable by every user of the machine; chmod o-r it`);
  return {
    kind: 'loaded',
    value: { pem: { certPem: certFile.text, keyPem: keyFile.text }, info: describe(leaf), warnings },
  };
}

/** Whether clients that ask for `hostname` (or, for a wildcard route, for any name under it) will accept the names. */
export function namesCover(names: readonly string[], hostname: string): boolean {
  if (names.includes(hostname)) return true;
  return !hostname.startsWith('*.') && names.includes(hostname.replace(/^[^.]+/, '*'));
}

function parseChain(path: string, text: string): X509Certificate[] | PemProblem {
  const blocks = pemBlocks(text, isCertificateLabel);
  if (blocks.length === 0) {
    const hint =
      pemBlocks(text, isKeyLabel).length > 0 ? 'it holds a private key: are tls_cert and tls_key swapped?' : '';
    return invalid('tls_cert', `${path} holds no PEM certificate; ${hint || 'a block BEGIN CERTIFICATE is expected'}`);
  }
  const chain: X509Certificate[] = [];
  for (const block of blocks) {
    try {
      chain.push(new X509Certificate(block));
    } catch (error) {
      return invalid('tls_cert', `certificate ${chain.length + 1} of ${path} cannot be parsed (${messageOf(error)})`);
    }
  }
  return chain;
}

function parseKey(path: string, text: string): KeyObject | PemProblem {
  if (pemBlocks(text, isKeyLabel).length === 0) {
    const swapped = pemBlocks(text, isCertificateLabel).length > 0;
    const hint = swapped
      ? 'it holds a certificate: are tls_cert and tls_key swapped?'
      : 'a block BEGIN PRIVATE KEY is expected';
    return invalid('tls_key', `${path} holds no PEM private key; ${hint}`);
  }
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text)) {
    const command = `openssl pkey -in ${path} -out decrypted.key`;
    return invalid(
      'tls_key',
      `the key in ${path} is encrypted and nobody can be asked for its passphrase; use ${command}`,
    );
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    return invalid('tls_key', `the key in ${path} cannot be parsed (${messageOf(error)})`);
  }
}

function checkMatch(
  chain: readonly X509Certificate[],
  leaf: X509Certificate,
  key: KeyObject,
  certPath: string,
  keyPath: string,
): PemProblem | null {
  if (leaf.checkPrivateKey(key)) return null;
  const position = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (position > 0) {
    const message = `the key belongs to certificate ${position + 1} of ${certPath}; the server's own certificate must come first`;
    return { code: 'certificate_mismatch', field: 'tls_cert', message };
  }
  const message = `the key in ${keyPath} does not belong to the certificate in ${certPath} (${oneLine(leaf.subject)})`;
  return { code: 'certificate_mismatch', field: 'tls_key', message: `${message}; use the key it was issued for` };
}

function checkValidity(leaf: X509Certificate, path: string, nowMs: number): PemProblem | null {
  if (leaf.validToDate.getTime() <= nowMs) {
    const message = `the certificate in ${path} expired on ${leaf.validToDate.toISOString()}; renew it`;
    return { code: 'certificate_expired', field: 'tls_cert', message };
  }
  if (leaf.validFromDate.getTime() > nowMs) {
    const from = leaf.validFromDate.toISOString();
    return invalid(
      'tls_cert',
      `the certificate in ${path} is valid from ${from} only; check the clock of this machine`,
    );
  }
  return null;
}

/** OpenSSL's own opinion, asked here so that a worker never meets a pair that it can't use. */
function checkUsable(cert: string, key: string, path: string): PemProblem | null {
  try {
    createSecureContext({ cert, key, minVersion: 'TLSv1.3' });
    return null;
  } catch (error) {
    return invalid('tls_cert', `OpenSSL refuses the certificate in ${path} (${messageOf(error)}); issue another`);
  }
}

function chainWarnings(chain: readonly X509Certificate[], path: string, nowMs: number): string[] {
  const warnings: string[] = [];
  chain.forEach((certificate, index) => {
    const next = chain[index + 1];
    if (next && !certificate.checkIssued(next)) {
      warnings.push(
        `certificate ${index + 2} of ${path} did not issue certificate ${index + 1}; clients may reject the chain`,
      );
    }
    if (index > 0 && certificate.validToDate.getTime() <= nowMs) {
      warnings.push(
        `certificate ${index + 1} of ${path} (an issuer) expired on ${certificate.validToDate.toISOString()}`,
      );
    }
  });
  return warnings;
}

function describe(leaf: X509Certificate): CertificateInfo {
  return {
    subject: oneLine(leaf.subject),
    issuer: oneLine(leaf.issuer),
    names: alternativeNames(leaf.subjectAltName ?? ''),
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
    sha256: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

/** OpenSSL's text form; entries with characters that need quoting are JSON strings, and none of them is a host name. */
function alternativeNames(text: string): string[] {
  return text
    .split(', ')
    .map((entry) => /^(?:DNS|IP Address):([^"]+)$/.exec(entry)?.[1]?.toLowerCase())
    .filter((name) => name !== undefined);
}

function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ');
}

function invalid(field: PemProblem['field'], message: string): PemProblem {
  return { code: 'certificate_invalid', field, message };
}

function refuse(code: PemProblem['code'], field: PemProblem['field'], message: string): PairLoad {
  return { kind: 'refused', problem: { code, field, message } };
}
