import { matchPrefix } from '../../net/byte-reader.ts';
import { V1_SIGNATURE, V2_SIGNATURE } from '../proxy-protocol/signature.ts';
import type { HelloFault } from './client-hello.ts';

const HTTP_METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE', 'PRI'];

const SIGNS: readonly { fault: HelloFault; pattern: Uint8Array }[] = [
  { fault: 'proxy-header', pattern: V1_SIGNATURE },
  { fault: 'proxy-header', pattern: V2_SIGNATURE },
  ...HTTP_METHODS.map((method) => ({ fault: 'http' as const, pattern: Buffer.from(`${method} `, 'latin1') })),
];

const SSLV2_LENGTH_FLAG = 0x80;
const SSLV2_CLIENT_HELLO = 1;

/**
 * What a connection is that certainly doesn't start with a TLS record. Null as long as it may still turn out to be
 * something that the operator or the client gets a better answer for than `not-tls`; 12 bytes always suffice.
 */
export function identifyNotTls(bytes: Uint8Array): HelloFault | null {
  let isOpen = false;
  for (const { fault, pattern } of SIGNS) {
    const match = matchPrefix(bytes, pattern);
    if (match === 'full') return fault;
    if (match === 'partial') isOpen = true;
  }
  if (isOpen) return null;
  // SSLv2: two bytes of length with the top bit set, then the message type (RFC 5246 appendix E.2).
  if (((bytes[0] ?? 0) & SSLV2_LENGTH_FLAG) === 0) return 'not-tls';
  if (bytes.length < 3) return null;
  return bytes[2] === SSLV2_CLIENT_HELLO ? 'sslv2' : 'not-tls';
}
