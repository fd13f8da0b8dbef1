import { matchPrefix } from '../../net/byte-reader.ts';
import type { SocketAddress } from '../../net/address.ts';
import { V1_SIGNATURE, V2_SIGNATURE } from './signature.ts';
import { readV1 } from './v1.ts';
import { readV2 } from './v2.ts';

/**
 * A whole header. `source` and `destination` are null when the connection's own addresses are to be used: LOCAL,
 * UNKNOWN, and protocols other than TCP. `authority` is what a version 2 sender reports as the client's SNI.
 */
export interface ProxyHeader {
  readonly kind: 'header';
  readonly version: 1 | 2;
  readonly command: 'LOCAL' | 'PROXY';
  readonly source: SocketAddress | null;
  readonly destination: SocketAddress | null;
  readonly authority?: string;
  /** A copy, 0 to 128 bytes. */
  readonly uniqueId?: Uint8Array;
  /** Bytes that the header takes; the client's first byte follows. */
  readonly length: number;
}

/** Closed, fit for a log field. */
export type ProxyHeaderFault =
  | 'v1-no-crlf'
  | 'v1-bare-line-end'
  | 'v1-protocol'
  | 'v1-fields'
  | 'v1-address'
  | 'v1-port'
  | 'v2-version'
  | 'v2-command'
  | 'v2-family'
  | 'v2-too-long'
  | 'v2-address-length'
  | 'v2-tlv-length'
  | 'v2-tlv-twice'
  | 'v2-authority'
  | 'v2-unique-id'
  | 'v2-checksum';

/** `needBytes`: no header can be whole before so many bytes; asking earlier only serves to refuse earlier. */
export type ProxyHeaderResult =
  | { kind: 'incomplete'; needBytes: number }
  | ProxyHeader
  | { kind: 'absent' }
  | { kind: 'invalid'; detail: ProxyHeaderFault };

/**
 * Reads the PROXY protocol header, version 1 or 2, at the start of a connection (HAProxy's proxy-protocol.txt).
 * `bytes` is everything received so far; what follows the header is not looked at. `absent` means that the first bytes
 * are certainly no header. Whether the sender may send one is for the caller to judge, before it believes any address.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeaderResult {
  switch (matchPrefix(bytes, V2_SIGNATURE)) {
    case 'full':
      return readV2(bytes);
    case 'partial':
      return { kind: 'incomplete', needBytes: bytes.length === 0 ? 1 : 16 };
    case 'no':
      break;
  }
  switch (matchPrefix(bytes, V1_SIGNATURE)) {
    case 'full':
      return readV1(bytes);
    case 'partial':
      return { kind: 'incomplete', needBytes: 15 };
    case 'no':
      return { kind: 'absent' };
  }
}
