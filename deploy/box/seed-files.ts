import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSeedCa, loadSeedCa, type SeedCa } from '../../mcdsl/seed-pki/index.ts';

/** Paths of a certificate and its key. */
export interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

const RENEW_BEFORE_MS = 30 * 86_400_000;

/** Root key and certificate in `dir`, made at the first start and kept after it while they are sound and last for 30 more days. */
export async function ensureCa(dir: string): Promise<SeedCa & { readonly file: string }> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const files = { cert: join(dir, 'ca.pem'), key: join(dir, 'ca.key') };
  if (readSound(files) !== null) {
    const ca = await loadSeedCa(readFileSync(files.cert, 'utf8'), readFileSync(files.key, 'utf8'));
    return { ...ca, file: files.cert };
  }
  const ca = await createSeedCa();
  writeWhole(files.key, ca.keyPem, 0o600);
  writeWhole(files.cert, ca.certPem, 0o644);
  return { ...ca, file: files.cert };
}

/** A server certificate for the names, kept while it is sound, lasts for 30 more days, covers them and is this root's. */
export async function ensurePair(ca: SeedCa, dir: string, name: string, names: readonly string[]): Promise<PairFiles> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const files = { cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
  const kept = readSound(files);
  if (kept !== null && isIssuedBy(ca, kept) && names.every((host) => kept.checkHost(host) !== undefined)) return files;
  const pair = await ca.issue({ names });
  writeWhole(files.key, pair.keyPem, 0o600);
  writeWhole(files.cert, pair.certPem, 0o644);
  return files;
}

/** Null when a file is missing or damaged, the two don't belong together, or the certificate ends soon. */
function readSound({ cert, key }: PairFiles): X509Certificate | null {
  if (!existsSync(cert) || !existsSync(key)) return null;
  const certPem = readFileSync(cert);
  const keyPem = readFileSync(key);
  try {
    const certificate = new X509Certificate(certPem);
    const lasts = Date.parse(certificate.validTo) - Date.now() > RENEW_BEFORE_MS;
    return lasts && certificate.checkPrivateKey(createPrivateKey(keyPem)) ? certificate : null;
  } catch {
    // Damaged by a crash or an editor: made anew like a missing one, nothing but this box trusts it.
    return null;
  }
}

function isIssuedBy(ca: SeedCa, certificate: X509Certificate): boolean {
  return certificate.verify(new X509Certificate(ca.certPem).publicKey);
}

/** Beside and renamed: a start that is killed midway leaves no half file. */
function writeWhole(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode });
  renameSync(`${file}.new`, file);
}
