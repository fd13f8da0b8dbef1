import { formatIp, parseIp } from '../../net/address.ts';

/** The one spelling of an address that reports use; text that is no address stays as it is and then matches nothing. */
export function canonicalIp(text: string): string {
  const ip = parseIp(text);
  return ip === null ? text : formatIp(ip);
}
