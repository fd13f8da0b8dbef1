import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeedCa, type IssuedPair, type IssueOptions, type SeedCa } from '../../../../mcdsl/seed-pki/index.ts';

export interface PemDir extends Disposable {
  readonly ca: SeedCa;
  path(name: string): string;
  issue(names: readonly string[], options?: Omit<IssueOptions, 'names'>): Promise<IssuedPair>;
  /** Writes aside and renames into place, as certificate clients do. */
  write(name: string, text: string): string;
  writePair(name: string, pair: IssuedPair): { readonly tlsCert: string; readonly tlsKey: string };
  /** Issues and writes `name.pem` and `name.key`. */
  pair(
    name: string,
    names?: readonly string[],
    options?: Omit<IssueOptions, 'names'>,
  ): Promise<{ tlsCert: string; tlsKey: string }>;
}

/** A directory of certificates from an authority of its own. */
export async function makePemDir(): Promise<PemDir> {
  const dir = mkdtempSync(join(tmpdir(), 'mc-proxy-certs-'));
  const ca = await createSeedCa('Test CA');
  const path = (name: string): string => join(dir, name);
  let writes = 0;
  const write = (name: string, text: string): string => {
    const aside = path(`.new-${writes++}`);
    writeFileSync(aside, text, { mode: 0o600 });
    renameSync(aside, path(name));
    return path(name);
  };
  const issue: PemDir['issue'] = (names, options = {}) => ca.issue({ names, ...options });
  const writePair: PemDir['writePair'] = (name, pair) => ({
    tlsCert: write(`${name}.pem`, pair.certPem),
    tlsKey: write(`${name}.key`, pair.keyPem),
  });
  return {
    ca,
    path,
    issue,
    write,
    writePair,
    pair: async (name, names = [name], options = {}) => writePair(name, await issue(names, options)),
    [Symbol.dispose]: () => rmSync(dir, { recursive: true }),
  };
}

/** A validity that is over. */
export const EXPIRED = { notBefore: new Date('2020-01-01'), days: 30 } as const;
