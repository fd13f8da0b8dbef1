export interface BuildOptions {
  /** Most bytes of the handshake message in one record. */
  recordSize?: number;
  /** Adds a padding extension (RFC 7685) so that the handshake message has so many bytes. */
  padTo?: number;
  /** The supported_versions extension; an empty list leaves it out, as clients before TLS 1.3 do. */
  versions?: readonly number[];
  /** Size of the one key share: 32 for X25519, 1216 for X25519MLKEM768. */
  keyShareBytes?: number;
  /** More extensions, as extension() makes them, after all others but the padding. */
  extensions?: readonly Uint8Array[];
}

export const TLS_1_2 = 0x0303;
export const TLS_1_3 = 0x0304;

const MAX_RECORD = 2 ** 14;
const GROUP_X25519 = 0x001d;
const GROUP_X25519MLKEM768 = 0x11ec;

/** A ClientHello as a TLS 1.3 client sends it, cut into records. Random and key share are fixed bytes. */
export function buildClientHello(
  sni: string | null,
  alpn: readonly string[] = [],
  options: BuildOptions = {},
): Uint8Array {
  const { recordSize = MAX_RECORD, padTo, versions = [TLS_1_3, TLS_1_2], keyShareBytes = 32 } = options;
  const extensions = [
    ...(sni === null ? [] : [serverName([hostName(Buffer.from(sni, 'latin1'))])]),
    extension(10, vector(2, u16(keyShareBytes > 1000 ? GROUP_X25519MLKEM768 : GROUP_X25519))),
    ...(alpn.length === 0 ? [] : [alpnExtension(alpn.map((name) => Buffer.from(name, 'latin1')))]),
    ...(versions.length === 0 ? [] : [extension(43, vector(1, ...versions.map(u16)))]),
    keyShare(keyShareBytes),
    ...(options.extensions ?? []),
  ];
  const plain = handshake(helloBody(extensions));
  if (padTo === undefined || padTo === plain.length) return toRecords(plain, recordSize);
  const padding = extension(21, new Uint8Array(padTo - plain.length - 4));
  return toRecords(handshake(helloBody([...extensions, padding])), recordSize);
}

/** legacy_version to extensions; `head` replaces everything before the extensions. */
export function helloBody(extensions: readonly Uint8Array[] | null, head = helloHead()): Uint8Array {
  return extensions === null ? head : Buffer.concat([head, vector(2, ...extensions)]);
}

export interface HeadParts {
  version?: number;
  sessionId?: Uint8Array;
  cipherSuites?: Uint8Array;
  compression?: Uint8Array;
}

export function helloHead(parts: HeadParts = {}): Uint8Array {
  return Buffer.concat([
    u16(parts.version ?? TLS_1_2),
    Buffer.alloc(32, 0xaa),
    vector(1, parts.sessionId ?? Buffer.alloc(32, 0xbb)),
    vector(2, parts.cipherSuites ?? Uint8Array.of(0x13, 0x01, 0x13, 0x02)),
    vector(1, parts.compression ?? Uint8Array.of(0)),
  ]);
}

/** The handshake message: type, 24 bits of length, body. */
export function handshake(body: Uint8Array, type = 1): Uint8Array {
  return Buffer.concat([Uint8Array.of(type), vector(3, body)]);
}

/** Cuts a message into handshake records of at most `recordSize` bytes. */
export function toRecords(message: Uint8Array, recordSize = MAX_RECORD): Uint8Array {
  const records: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += recordSize) records.push(record(message.subarray(at, at + recordSize)));
  return Buffer.concat(records);
}

export function record(payload: Uint8Array, type = 22, version = 0x0301): Uint8Array {
  return Buffer.concat([Uint8Array.of(type), u16(version), vector(2, payload)]);
}

export function extension(type: number, data: Uint8Array): Uint8Array {
  return Buffer.concat([u16(type), vector(2, data)]);
}

/** A server_name extension of the given entries. */
export function serverName(entries: readonly Uint8Array[]): Uint8Array {
  return extension(0, vector(2, ...entries));
}

/** An entry of a server_name extension. */
export function hostName(name: Uint8Array, type = 0): Uint8Array {
  return Buffer.concat([Uint8Array.of(type), vector(2, name)]);
}

export function alpnExtension(names: readonly Uint8Array[]): Uint8Array {
  return extension(16, vector(2, ...names.map((name) => vector(1, name))));
}

export function keyShare(sizeBytes: number): Uint8Array {
  const group = sizeBytes > 1000 ? GROUP_X25519MLKEM768 : GROUP_X25519;
  return extension(51, vector(2, u16(group), vector(2, Buffer.alloc(sizeBytes, 0xcc))));
}

/** The parts after their length, which takes `lengthSize` bytes. */
export function vector(lengthSize: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(lengthSize);
  length.writeUIntBE(body.length, 0, lengthSize);
  return Buffer.concat([length, body]);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}
