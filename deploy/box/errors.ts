/** A failure that the operator can mend: what is wrong, then what to do about it. */
export class BoxError extends Error {
  override readonly name = 'BoxError';
  readonly exitCode: number;

  constructor(what: string, remedy: string, exitCode = 1) {
    super(`${what}\n${remedy}`);
    this.exitCode = exitCode;
  }
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | null)?.code ?? '');
}

/** For a failure of the file system that the operator can mend, what to do about it; null for any other. */
export function unusableFile(error: unknown, srv: string): BoxError | null {
  const { code = '', path = srv } = error as NodeJS.ErrnoException;
  const reason = reasons[code];
  if (reason === undefined) return null;
  return new BoxError(
    `the box keeps its files in ${srv}, and cannot use ${path}: ${reason}.`,
    'Mend that, or give the box another directory: npm start -- --dir DIRECTORY',
  );
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of that path is no directory',
  EEXIST: 'something that is no directory is there',
};
