/** The process or the kernel has no descriptor or no memory for one more socket (connect(2), socket(2)). */
const CODES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** True when a connect failed for want of something of our own, so that it says nothing about the backend. */
export function isExhaustion(code: string | undefined): boolean {
  return code !== undefined && CODES.has(code);
}
