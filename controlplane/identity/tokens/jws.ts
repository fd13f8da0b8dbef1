import type { KeyObject } from 'node:crypto';
import { compactVerify, errors } from 'jose';

import type { Signer, SigningAlg } from '../keys/index.ts';
import type { Reason } from '../reasons.ts';

/** The header of every token of mcias. */
export const tokenType = 'at+jwt';
export const tokenAlg: SigningAlg = 'EdDSA';
export const maxTokenBytes = 4096;

/** A JWS in compact form whose encoding is canonical; nothing in it is believed yet. */
export type CompactJws = { readonly header: Readonly<Record<string, unknown>>; readonly payload: Buffer };

export type Refused = {
  readonly ok: false;
  readonly reason: Reason;
  readonly logged?: Readonly<Record<string, string>>;
};

export type JwsParse = { readonly ok: true; readonly jws: CompactJws } | Refused;

/**
 * The first steps of a verification, before any key is touched: size, three segments, each the one encoding of its bytes (jose takes
 * spaces and other spellings, which would make two texts of one token), a header that is an object without `crit`.
 */
export function parseCompact(token: string): JwsParse {
  if (Buffer.byteLength(token) > maxTokenBytes) return { ok: false, reason: 'malformed' };
  const segments = token.split('.', 4);
  const [head, body, mac] = segments;
  if (segments.length !== 3 || !head || !body || !mac) return { ok: false, reason: 'malformed' };
  const [header, payload, signature] = [decode(head), decode(body), decode(mac)];
  if (header === null || payload === null || signature === null) return { ok: false, reason: 'not_canonical' };
  const parsed = parseObject(header);
  if (parsed === null || 'crit' in parsed) return { ok: false, reason: 'malformed' };
  return { ok: true, jws: { header: parsed, payload } };
}

/** Whether the signature is the key's, in the one algorithm given; the token's own header has no say. */
export async function verifySignature(token: string, key: KeyObject, alg: string): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [alg] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return false;
    throw error;
  }
}

/** Signs in the calling transaction, which jose, being asynchronous, could not. */
export function signCompact(payload: object, signer: Signer): string {
  const header = { alg: signer.alg, typ: tokenType, kid: signer.kid };
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${signer.sign(Buffer.from(signed)).toString('base64url')}`;
}

export function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function decode(segment: string): Buffer | null {
  const bytes = Buffer.from(segment, 'base64url');
  return bytes.toString('base64url') === segment ? bytes : null;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
