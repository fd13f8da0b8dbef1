import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { connect } from 'node:tls';

const RECORD_HEADER_BYTES = 5;

/** A whole ClientHello for the name, as this Node's OpenSSL sends it: in one record, with a post-quantum key share. */
export async function makeHello(serverName: string): Promise<Buffer> {
  const [client, wire] = duplexPair();
  const socket = connect({ socket: client, servername: serverName, ALPNProtocols: ['h2', 'http/1.1'] });
  try {
    let bytes = Buffer.alloc(0);
    while (bytes.length < helloBytes(bytes)) {
      const [chunk] = (await once(wire, 'data')) as [Buffer];
      bytes = Buffer.concat([bytes, chunk]);
    }
    return bytes;
  } finally {
    socket.destroy();
    wire.destroy();
  }
}

/** How long the first record is, header included (RFC 8446 §5.1); the header's own length while that isn't there. */
export function helloBytes(bytes: Uint8Array): number {
  if (bytes.length < RECORD_HEADER_BYTES) return RECORD_HEADER_BYTES;
  return RECORD_HEADER_BYTES + ((bytes[3] ?? 0) << 8) + (bytes[4] ?? 0);
}
