import type { Hostname, HostnameFault } from '../../net/hostname.ts';
import { readBody } from './body.ts';
import { scanHandshake } from './records.ts';

/** What routing needs of a ClientHello, and where it ends. */
export interface ClientHello {
  readonly kind: 'hello';
  /** Null when there is no server_name extension; an extension that is there but wrong makes the hello invalid. */
  readonly sni: Hostname | null;
  /** In the client's order of preference, one character for each byte. */
  readonly alpn: readonly string[];
  /** 0x0303 from every client of TLS 1.2 and later. */
  readonly legacyVersion: number;
  /** The supported_versions extension as it is, GREASE included; empty without the extension (TLS 1.2 and before). */
  readonly supportedVersions: readonly number[];
  /** Bytes up to the end of the record that ends the hello; what follows (early data) is not looked at. */
  readonly consumedBytes: number;
}

/**
 * Why a hello is refused; closed, fit for a log field. `http` is a clear HTTP request; `proxy-header` is a PROXY protocol
 * header where a hello must be, that is one that nobody asked for or the second one.
 */
export type HelloFault =
  | 'not-tls'
  | 'sslv2'
  | 'http'
  | 'proxy-header'
  | 'record-type'
  | 'record-version'
  | 'record-empty'
  | 'record-too-long'
  | 'record-trailing'
  | 'not-client-hello'
  | 'hello-max'
  | 'legacy-version'
  | 'session-id'
  | 'cipher-suites'
  | 'compression'
  | 'extensions-length'
  | 'extension-twice'
  | 'sni-list'
  | 'sni-twice'
  | 'sni-name-type'
  | `sni-${HostnameFault}`
  | 'alpn-list'
  | 'supported-versions';

export interface HelloRefusal {
  readonly kind: 'invalid';
  readonly reason: 'hello_invalid' | 'hello_too_large';
  readonly detail: HelloFault;
}

/**
 * `needBytes`: no hello can be whole before so many bytes are there. Calling again earlier only serves to refuse earlier;
 * who waits for them calls a logarithmic number of times, however the sender cuts its segments and records.
 */
export type ClientHelloResult =
  { readonly kind: 'incomplete'; readonly needBytes: number } | ClientHello | HelloRefusal;

/**
 * Reads the ClientHello at the start of a TLS connection (RFC 8446 §4.1.2, §5.1; RFC 6066 §3; RFC 7301 §3.1), spread over
 * any number of records. `bytes` is everything received so far; `maxBytes` bounds the hello on the wire, record headers
 * counted. Refuses as soon as the bytes allow only that, and never before.
 *
 * Cost while incomplete: one step for each record header; extensions are read once, when the hello is whole. Only a hello
 * of several records is copied.
 */
export function readClientHello(bytes: Uint8Array, maxBytes: number): ClientHelloResult {
  const scan = scanHandshake(bytes, maxBytes);
  if (scan.kind !== 'message') return scan;
  const body = readBody(scan.body);
  if (typeof body === 'string') return { kind: 'invalid', reason: 'hello_invalid', detail: body };
  const { sni, alpn, legacyVersion, supportedVersions } = body;
  return { kind: 'hello', sni, alpn, legacyVersion, supportedVersions, consumedBytes: scan.consumedBytes };
}
