import { formatIp, ipEquals, ipFromWords, parseIp, type IpAddress } from './address.ts';

/** `prefix` counts the bits of the base's own family: 0..32 or 0..128. No bit of `base` beyond it is set. */
export interface Cidr {
  readonly base: IpAddress;
  readonly prefix: number;
}

/** `host_bits`: the text is a block but for bits beyond its prefix; `corrected` is the network that was probably meant. */
export type CidrParse =
  | { readonly kind: 'cidr'; readonly cidr: Cidr }
  | { readonly kind: 'host_bits'; readonly corrected: Cidr }
  | { readonly kind: 'invalid'; readonly reason: string };

/**
 * Parses "192.0.2.0/24" or "2001:db8::/32" (RFC 4632 §3.1, RFC 4291 §2.3). A block of mapped addresses
 * ("::ffff:192.0.2.0/120") is the IPv4 block. Blocks with host bits set are refused: one cannot tell which part is wrong.
 */
export function parseCidr(text: string): CidrParse {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const base = parseIp(address);
  if (base === null) return { kind: 'invalid', reason: `"${address}" is not an IP address` };
  const textBits = address.includes(':') ? 128 : 32;
  if (slash === -1) {
    return { kind: 'invalid', reason: `"${text}" has no prefix length; a single address is "${address}/${textBits}"` };
  }
  const textPrefix = parsePrefix(text.slice(slash + 1), textBits);
  if (textPrefix === -1) {
    return { kind: 'invalid', reason: `the prefix length in "${text}" is not a number from 0 to ${textBits}` };
  }
  const prefix = base.family === 4 && textBits === 128 ? textPrefix - 96 : textPrefix;
  if (prefix < 0) {
    return { kind: 'invalid', reason: `"${text}" holds mapped IPv4 addresses and others; name the blocks separately` };
  }
  const masked = maskIp(base, prefix);
  if (ipEquals(masked, base)) return { kind: 'cidr', cidr: { base, prefix } };
  return { kind: 'host_bits', corrected: { base: masked, prefix } };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr.base)}/${cidr.prefix}`;
}

/** A block holds addresses of its own family only: ::/0 is every IPv6 address and no IPv4 address. */
export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  if (cidr.base.family !== ip.family) return false;
  const bits = ip.family === 4 ? cidr.prefix + 96 : cidr.prefix;
  const a = cidr.base.words;
  const b = ip.words;
  return (
    a[0] === maskWord(b[0], bits) &&
    a[1] === maskWord(b[1], bits - 32) &&
    a[2] === maskWord(b[2], bits - 64) &&
    a[3] === maskWord(b[3], bits - 96)
  );
}

/** Zeroes what follows the first `prefix` bits of the address's own family. Throws RangeError when prefix is out of range. */
export function maskIp(ip: IpAddress, prefix: number): IpAddress {
  const max = ip.family === 4 ? 32 : 128;
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > max) {
    throw new RangeError(`the prefix length ${prefix} is not from 0 to ${max}`);
  }
  const [w0, w1, w2, w3] = ip.words;
  if (ip.family === 4) return ipFromWords(w0, w1, w2, maskWord(w3, prefix));
  return {
    family: 6,
    words: [maskWord(w0, prefix), maskWord(w1, prefix - 32), maskWord(w2, prefix - 64), maskWord(w3, prefix - 96)],
  };
}

/** Keeps the first `bits` bits of an unsigned 32-bit word: none at or below 0, all from 32 on. */
export function maskWord(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0;
}

/** Decimal without sign or leading zeros, at most `max`; else -1. */
function parsePrefix(text: string, max: number): number {
  if (text.length === 0 || text.length > 3 || (text.length > 1 && text.startsWith('0'))) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value > max ? -1 : value;
}
