import { X509Certificate } from 'node:crypto';
import { isCertificateLabel, pemBlocks, readPemFile, type PemProblem } from '../../../mcdsl/tls/index.ts';

export type AuthoritiesLoad =
  { readonly kind: 'loaded'; readonly value: string } | { readonly kind: 'refused'; readonly problem: PemProblem };

/** Reads a file of CA certificates. Each must parse; expired ones are left to the verification to judge. */
export function loadAuthorities(path: string, field: 'client_ca' | 'backend_ca'): AuthoritiesLoad {
  const file = readPemFile(path, field);
  if (file.kind === 'problem') return { kind: 'refused', problem: file.problem };
  const blocks = pemBlocks(file.text, isCertificateLabel);
  const refuse = (message: string): AuthoritiesLoad => ({
    kind: 'refused',
    problem: { code: 'certificate_invalid', field, message },
  });
  if (blocks.length === 0) return refuse(`${path} holds no PEM certificate; a file of CA certificates is expected`);
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (error) {
      return refuse(`certificate ${index + 1} of ${path} cannot be parsed (${String(error)})`);
    }
  }
  return { kind: 'loaded', value: blocks.join('') };
}
