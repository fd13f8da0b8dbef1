import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSeedCa, loadSeedCa, type SeedCa } from '../../mcdsl/seed-pki/index.ts';

/** Paths of a certificate and its key. */
export interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

const RENEW_BEFORE_MS = 30 * 86_400_000;

/** Root key and certificate in `dir`, made at the first start and kept after it. */
export async function ensureCa(dir: string): Promise<SeedCa & { readonly file: string }> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, 'ca.pem');
  const keyFile = join(dir, 'ca.key');
  if (existsSync(file) && existsSync(keyFile) && lasts(file)) {
    return { ...(await loadSeedCa(readFileSync(file, 'utf8'), readFileSync(keyFile, 'utf8'))), file };
  }
  const ca = await createSeedCa();
  writeWhole(keyFile, ca.keyPem, 0o600);
  writeWhole(file, ca.certPem, 0o644);
  return { ...ca, file };
}

/** A server certificate for the names, reused while it lasts for 30 more days, covers them and is this root's. */
export async function ensurePair(ca: SeedCa, dir: string, name: string, names: readonly string[]): Promise<PairFiles> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const files = { cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
  if (existsSync(files.cert) && existsSync(files.key) && lasts(files.cert) && isIssuedBy(ca, files.cert)) return files;
  const pair = await ca.issue({ names });
  writeWhole(files.key, pair.keyPem, 0o600);
  writeWhole(files.cert, pair.certPem, 0o644);
  return files;
}

function lasts(certFile: string): boolean {
  return Date.parse(new X509Certificate(readFileSync(certFile)).validTo) - Date.now() > RENEW_BEFORE_MS;
}

function isIssuedBy(ca: SeedCa, certFile: string): boolean {
  return new X509Certificate(readFileSync(certFile)).verify(new X509Certificate(ca.certPem).publicKey);
}

/** Beside and renamed: a start that is killed midway leaves no half file. */
function writeWhole(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode });
  renameSync(`${file}.new`, file);
}
