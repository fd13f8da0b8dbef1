/** Parameters of Argon2id (RFC 9106 §3.1). */
export interface Argon2Params {
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** A password hash: the string that the Password Hashing Competition's reference code writes, taken apart. */
export interface Phc {
  readonly params: Argon2Params;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

const pattern =
  /^\$argon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,5}),p=([1-9][0-9]{0,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,171})$/;

/** `$argon2id$v=19$m=65536,t=3,p=4$<salt>$<hash>`, both base64 without padding. */
export function formatPhc({ params, salt, hash }: Phc): string {
  return `$argon2id$v=19$${formatParams(params)}$${base64(salt)}$${base64(hash)}`;
}

/** Null for anything that `formatPhc` does not write. */
export function parsePhc(text: string): Phc | null {
  const [, memoryKib, passes, parallelism, salt = '', hash = ''] = pattern.exec(text) ?? [];
  if (memoryKib === undefined) return null;
  const phc: Phc = {
    params: { memoryKib: Number(memoryKib), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
  return formatPhc(phc) === text ? phc : null;
}

/** The parameters alone, to see which hashes are old without opening them. */
export function formatParams({ memoryKib, passes, parallelism }: Argon2Params): string {
  return `m=${memoryKib},t=${passes},p=${parallelism}`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '');
}
