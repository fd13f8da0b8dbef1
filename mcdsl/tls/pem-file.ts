import { readFileSync, statSync } from 'node:fs';

/** The keys of a configuration that name PEM files. */
export type PemField = 'tls_cert' | 'tls_key' | 'client_ca' | 'backend_ca';

export type PemProblemCode =
  'certificate_unreadable' | 'certificate_invalid' | 'certificate_mismatch' | 'certificate_expired';

/** Why a file or pair can't be used: a code for error tables, and a sentence with the path and what to do. */
export interface PemProblem {
  readonly code: PemProblemCode;
  readonly field: PemField;
  readonly message: string;
}

export type PemFile =
  | { readonly kind: 'text'; readonly text: string; readonly readableByAll: boolean }
  | { readonly kind: 'problem'; readonly problem: PemProblem };

const MAX_BYTES = 1024 * 1024;

/**
 * Reads one PEM file, synchronously: the files are small, local, and read by the main thread, which carries no traffic.
 * Anything but a regular file is refused before it is opened, so that a FIFO can't hang the process.
 */
export function readPemFile(path: string, field: PemField): PemFile {
  const refuse = (code: PemProblem['code'], message: string): PemFile => ({
    kind: 'problem',
    problem: { code, field, message },
  });
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return refuse('certificate_unreadable', `${path} is not a file; name a PEM file`);
    if (stat.size > MAX_BYTES) {
      return refuse(
        'certificate_invalid',
        `${path} is larger than 1 MiB; a PEM file of certificates or a key is meant`,
      );
    }
    return { kind: 'text', text: readFileSync(path, 'utf8'), readableByAll: (stat.mode & 0o004) !== 0 };
  } catch (error) {
    return refuse('certificate_unreadable', unreadable(path, error));
  }
}

/** The PEM blocks of a text with one of the labels, in order; what stands between blocks is ignored (RFC 7468 §2). One pass. */
export function pemBlocks(text: string, isLabel: (label: string) => boolean): string[] {
  const blocks: string[] = [];
  let label = '';
  let lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const begin = /^-----BEGIN ([A-Z0-9 ]+)-----\s*$/.exec(line)?.[1];
    if (begin !== undefined) {
      label = begin;
      lines = [];
    }
    if (label === '') continue;
    lines.push(line.trimEnd());
    if (line.startsWith(`-----END ${label}-----`)) {
      if (isLabel(label)) blocks.push(`${lines.join('\n')}\n`);
      label = '';
    }
  }
  return blocks;
}

export function isCertificateLabel(label: string): boolean {
  return label === 'CERTIFICATE' || label === 'TRUSTED CERTIFICATE' || label === 'X509 CERTIFICATE';
}

export function isKeyLabel(label: string): boolean {
  return label.endsWith('PRIVATE KEY');
}

function unreadable(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'EIO';
  return `${path} cannot be read (${code}): ${remedy(code)}`;
}

function remedy(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such file; correct the path, or have the certificate issued first';
    case 'ENOTDIR':
      return 'a part of the path is no directory; correct the path';
    case 'EACCES':
    case 'EPERM':
      return `the user of this program (uid ${process.getuid?.() ?? '?'}) must be able to read the file and enter its directories`;
    case 'ELOOP':
      return 'its symbolic links form a loop; remove the loop';
    default:
      return 'check the file system';
  }
}
