import { parseIp } from '../../net/address.ts';
import type { SocketAddress } from '../../net/address.ts';
import { latin1 } from '../../net/byte-reader.ts';
import type { ProxyHeaderFault, ProxyHeaderResult } from './header.ts';

/** With its CRLF (§2.1, "worst case"). */
const MAX_LINE = 107;
const MIN_LINE = 'PROXY UNKNOWN\r\n'.length;
const CR = 13;
const LF = 10;

/** Reads a version 1 header; `bytes` starts with "PROXY". Cost: one pass over at most 107 bytes. */
export function readV1(bytes: Uint8Array): ProxyHeaderResult {
  const limit = Math.min(bytes.length, MAX_LINE);
  let end = 0;
  while (end < limit && bytes[end] !== CR && bytes[end] !== LF) end++;
  if (end + 2 > MAX_LINE) return invalid('v1-no-crlf');
  if (end + 1 >= bytes.length && bytes[end] !== LF) {
    return { kind: 'incomplete', needBytes: Math.max(MIN_LINE, bytes.length + 1) };
  }
  if (bytes[end] !== CR || bytes[end + 1] !== LF) return invalid('v1-bare-line-end');
  return readLine(latin1(bytes.subarray(0, end)), end + 2);
}

function readLine(line: string, length: number): ProxyHeaderResult {
  const [, protocol, sourceIp, destinationIp, sourcePort, destinationPort, ...rest] = line.split(' ');
  if (!line.startsWith('PROXY ')) return invalid('v1-fields');
  // §2.1: whatever follows UNKNOWN is ignored and the connection's own addresses are used.
  if (protocol === 'UNKNOWN') {
    return { kind: 'header', version: 1, command: 'PROXY', source: null, destination: null, length };
  }
  if (protocol !== 'TCP4' && protocol !== 'TCP6') return invalid('v1-protocol');
  if (destinationPort === undefined || rest.length > 0) return invalid('v1-fields');
  const source = readEndpoint(protocol, sourceIp, sourcePort);
  if (typeof source === 'string') return invalid(source);
  const destination = readEndpoint(protocol, destinationIp, destinationPort);
  if (typeof destination === 'string') return invalid(destination);
  return { kind: 'header', version: 1, command: 'PROXY', source, destination, length };
}

/** An IPv4-mapped address is a fair TCP6 address: inet_ntop writes it so, and it is then held as IPv4. */
function readEndpoint(
  protocol: 'TCP4' | 'TCP6',
  address: string | undefined,
  port: string | undefined,
): SocketAddress | ProxyHeaderFault {
  if (address === undefined || address.includes(':') !== (protocol === 'TCP6')) return 'v1-address';
  const ip = parseIp(address);
  if (ip === null) return 'v1-address';
  if (port === undefined || !/^(?:0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65535) return 'v1-port';
  return { ip, port: Number(port) };
}

function invalid(detail: ProxyHeaderFault): ProxyHeaderResult {
  return { kind: 'invalid', detail };
}
