import { ByteReader, latin1 } from '../../net/byte-reader.ts';
import { normaliseSni } from '../../net/hostname.ts';
import type { Hostname } from '../../net/hostname.ts';
import type { HelloFault } from './client-hello.ts';

export interface HelloBody {
  sni: Hostname | null;
  alpn: string[];
  legacyVersion: number;
  supportedVersions: number[];
}

const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const EXTENSION_SUPPORTED_VERSIONS = 43;
const NAME_TYPE_HOST_NAME = 0;
const MAJOR_VERSION = 3;
const RANDOM_LENGTH = 32;
const MAX_SESSION_ID = 32;
const NULL_COMPRESSION = 0;

/**
 * Reads a whole ClientHello (RFC 8446 §4.1.2; before TLS 1.3 RFC 5246 §7.4.1.2, where the extensions may be missing).
 * Every length must agree with the one around it, so nothing is left for two readers to see differently.
 */
export function readBody(bytes: Uint8Array): HelloBody | HelloFault {
  const reader = new ByteReader(bytes);
  const legacyVersion = reader.u16();
  if (reader.failed || legacyVersion >> 8 !== MAJOR_VERSION) return 'legacy-version';
  reader.skip(RANDOM_LENGTH);
  const sessionIdLength = reader.u8();
  reader.skip(sessionIdLength);
  if (reader.failed || sessionIdLength > MAX_SESSION_ID) return 'session-id';
  const cipherSuitesLength = reader.u16();
  reader.skip(cipherSuitesLength);
  if (reader.failed || cipherSuitesLength < 2 || cipherSuitesLength % 2 !== 0) return 'cipher-suites';
  const compression = reader.take(reader.u8());
  if (reader.failed || !compression.includes(NULL_COMPRESSION)) return 'compression';
  const body: HelloBody = { sni: null, alpn: [], legacyVersion, supportedVersions: [] };
  if (reader.remaining === 0) return body;
  const extensions = reader.sub(reader.u16());
  if (!reader.done) return 'extensions-length';
  return readExtensions(extensions, body) ?? body;
}

function readExtensions(reader: ByteReader, body: HelloBody): HelloFault | null {
  const seen = new Set<number>();
  while (reader.remaining > 0) {
    const type = reader.u16();
    const length = reader.u16();
    if (seen.has(type)) return 'extension-twice';
    seen.add(type);
    const fault = readExtension(type, length, reader, body);
    if (reader.failed) return 'extensions-length';
    if (fault !== null) return fault;
  }
  return null;
}

function readExtension(type: number, length: number, reader: ByteReader, body: HelloBody): HelloFault | null {
  switch (type) {
    case EXTENSION_SERVER_NAME:
      return readServerName(reader.sub(length), body);
    case EXTENSION_ALPN:
      return readAlpn(reader.sub(length), body);
    case EXTENSION_SUPPORTED_VERSIONS:
      return readSupportedVersions(reader.sub(length), body);
    default:
      reader.skip(length);
      return null;
  }
}

/** RFC 6066 §3: a list which, as only one type of name exists and may be there once, holds exactly one name. */
function readServerName(extension: ByteReader, body: HelloBody): HelloFault | null {
  const list = extension.sub(extension.u16());
  if (!extension.done || list.remaining === 0) return 'sni-list';
  while (list.remaining > 0) {
    if (list.u8() !== NAME_TYPE_HOST_NAME) return 'sni-name-type';
    const name = list.take(list.u16());
    if (list.failed) return 'sni-list';
    if (body.sni !== null) return 'sni-twice';
    const result = normaliseSni(name);
    if (result.kind === 'invalid') return `sni-${result.fault}`;
    body.sni = result.hostname;
  }
  return null;
}

/** RFC 7301 §3.1: at least one protocol, none of them empty. */
function readAlpn(extension: ByteReader, body: HelloBody): HelloFault | null {
  const list = extension.sub(extension.u16());
  if (!extension.done || list.remaining === 0) return 'alpn-list';
  while (list.remaining > 0) {
    const protocol = list.take(list.u8());
    if (list.failed || protocol.length === 0) return 'alpn-list';
    body.alpn.push(latin1(protocol));
  }
  return null;
}

/** RFC 8446 §4.2.1: at least one version. */
function readSupportedVersions(extension: ByteReader, body: HelloBody): HelloFault | null {
  const list = extension.sub(extension.u8());
  if (!extension.done || list.remaining === 0) return 'supported-versions';
  while (list.remaining > 0) {
    body.supportedVersions.push(list.u16());
    if (list.failed) return 'supported-versions';
  }
  return null;
}
