import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Identity, size and times of the files behind the paths (symbolic links followed); differs after any replacement. */
export function signatureOf(paths: readonly string[]): string {
  return paths.map((path) => describe(() => statSync(path, { bigint: true }))).join('\n');
}

/** As signatureOf, off the main thread's turn. */
export async function signatureOfAsync(paths: readonly string[]): Promise<string> {
  const parts: string[] = [];
  for (const path of paths) {
    const found = await stat(path, { bigint: true }).then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    parts.push(describe(found));
  }
  return parts.join('\n');
}

interface FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** An unreadable file has a signature too: its errno, so that it is read again once it appears. */
function describe(read: () => FileStat): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = read();
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'EIO';
  }
}
