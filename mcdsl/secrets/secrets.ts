import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A value that only its holder knows: 256 random bits as 43 characters of base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** What is stored of a secret of 256 bits: its SHA-256. Not for what people choose; that needs a password hash. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}

/** The SHA-256 of a secret as `newSecret` makes them; null for any other text, so that nothing is looked up for it. */
export function hashOfSecret(text: string): Buffer | null {
  return /^[A-Za-z0-9_-]{43}$/.test(text) ? hashSecret(text) : null;
}

/**
 * Compares two secrets in a time that tells nothing about either: digests of equal length are compared, so that neither the first
 * difference nor the length shows. Text is compared as its UTF-8 bytes.
 */
export function secretsEqual(a: string | Uint8Array, b: string | Uint8Array): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(value: string | Uint8Array): Buffer {
  return createHash('sha256').update(value).digest();
}
