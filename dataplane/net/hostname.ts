import { domainToASCII, domainToUnicode } from 'node:url';
import { parseIp } from './address.ts';
import type { IpAddress } from './address.ts';
import { latin1 } from './byte-reader.ts';

declare const hostnameBrand: unique symbol;
declare const wildcardBrand: unique symbol;

/**
 * A host name in the one form that is compared and looked up: lower case, A-labels, no trailing dot, 1 to 253
 * characters, labels of 1 to 63 letters, digits, hyphens (not at the ends) and underscores, never an IP address.
 */
export type Hostname = string & { readonly [hostnameBrand]: true };

/** "*." and a Hostname: every name of exactly one label more. */
export type Wildcard = string & { readonly [wildcardBrand]: true };

/** Why a text is no host name; closed, fit for a log field. */
export type HostnameFault =
  | 'empty'
  | 'too-long'
  | 'nul'
  | 'not-ascii'
  | 'character'
  | 'empty-label'
  | 'label-too-long'
  | 'label-hyphen'
  | 'ip-literal'
  | 'bad-a-label';

export type HostnameResult = { kind: 'hostname'; hostname: Hostname } | { kind: 'invalid'; fault: HostnameFault };

/** `Host` or `:authority` taken apart; `port` is null when none was written. */
export type Authority =
  { kind: 'hostname'; hostname: Hostname; port: number | null } | { kind: 'ip'; ip: IpAddress; port: number | null };

const MAX_NAME = 253;
const MAX_LABEL = 63;
const MAX_SNI_BYTES = 255;
const DOT = 46;
const HYPHEN = 45;
const UNDERSCORE = 95;

/**
 * A host name as people write it in configuration: any case, one trailing dot, Unicode labels (UTS 46, non-transitional)
 * or A-labels. Null when it isn't one.
 */
export function parseHostname(text: string): Hostname | null {
  const result = checkHostname(isAscii(text) ? text : toAscii(text));
  return result.kind === 'hostname' ? result.hostname : null;
}

/** "*.example.test", in any form parseHostname accepts after the asterisk. Null when it isn't one. */
export function parseWildcard(text: string): Wildcard | null {
  if (!text.startsWith('*.')) return null;
  const parent = parseHostname(text.slice(2));
  return parent === null || parent.length > MAX_NAME - 2 ? null : (`*.${parent}` as Wildcard);
}

/** The only wildcard that covers a name: "*.rest". Null for a name of one label. */
export function wildcardOf(hostname: Hostname): Wildcard | null {
  const dot = hostname.indexOf('.');
  return dot === -1 ? null : (`*${hostname.slice(dot)}` as Wildcard);
}

/**
 * The bytes of a server_name extension's host_name (RFC 6066 §3: ASCII, A-labels, no IP literal) in the form routes are
 * kept in. Letters are lowered and one trailing dot is dropped; everything else that isn't a host name is refused.
 */
export function normaliseSni(bytes: Uint8Array): HostnameResult {
  return bytes.length > MAX_SNI_BYTES ? invalid('too-long') : checkHostname(latin1(bytes));
}

/**
 * A `Host` or `:authority` value: a name or an address (IPv6 in brackets), then an optional port of 0 to 65535, which may
 * be empty (RFC 3986 §3.2). Null for anything else, user info and non-ASCII names included.
 */
export function parseAuthority(text: string): Authority | null {
  const hostEnd = text.startsWith('[') ? text.indexOf(']') + 1 : text.indexOf(':');
  const host = hostEnd === -1 ? text : text.slice(0, hostEnd);
  const port = parsePort(text.slice(host.length));
  if (port === undefined) return null;
  const bracketed = host.startsWith('[');
  const ip = parseIp(bracketed ? host.slice(1, -1) : host);
  if (ip !== null) return bracketed === host.includes(':') ? { kind: 'ip', ip, port } : null;
  const result = checkHostname(host);
  return result.kind === 'hostname' ? { kind: 'hostname', hostname: result.hostname, port } : null;
}

function parsePort(suffix: string): number | null | undefined {
  if (suffix === '' || suffix === ':') return null;
  if (!/^:\d{1,5}$/.test(suffix)) return undefined;
  const port = Number(suffix.slice(1));
  return port <= 65535 ? port : undefined;
}

/** One pass over the text, plus one for each of lowering (when it has capitals) and checking A-labels (when it has any). */
function checkHostname(text: string): HostnameResult {
  const end = text.endsWith('.') ? text.length - 1 : text.length;
  if (end === 0) return invalid('empty');
  if (end > MAX_NAME) return invalid('too-long');
  let labelStart = 0;
  let capitals = false;
  for (let i = 0; i <= end; i++) {
    const code = i === end ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      const fault = labelFault(text, labelStart, i);
      if (fault !== null) return invalid(fault);
      labelStart = i + 1;
    } else if (code >= 65 && code <= 90) {
      capitals = true;
    } else if (!isNameCharacter(code)) {
      return invalid(characterFault(text, code));
    }
  }
  const whole = end === text.length ? text : text.slice(0, end);
  const name = capitals ? whole.toLowerCase() : whole;
  if (endsInNumber(name)) return invalid('ip-literal');
  if (name.includes('xn--') && !hasValidALabels(name)) return invalid('bad-a-label');
  return { kind: 'hostname', hostname: name as Hostname };
}

function labelFault(text: string, start: number, end: number): HostnameFault | null {
  if (start === end) return 'empty-label';
  if (end - start > MAX_LABEL) return 'label-too-long';
  if (text.charCodeAt(start) === HYPHEN || text.charCodeAt(end - 1) === HYPHEN) return 'label-hyphen';
  return null;
}

function isNameCharacter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === HYPHEN || code === UNDERSCORE;
}

function characterFault(text: string, code: number): HostnameFault {
  if (code === 0) return 'nul';
  if (code > 127) return 'not-ascii';
  return parseIp(text) === null ? 'character' : 'ip-literal';
}

/**
 * The URL standard's "ends in a number": such a name is an IPv4 address in some resolver's eyes (127.1, 0x7f.1, 1.2.3.4)
 * and never a host of the DNS.
 */
function endsInNumber(name: string): boolean {
  return /^(?:\d+|0x[\da-f]*)$/.test(name.slice(name.lastIndexOf('.') + 1));
}

/** An A-label stands for a Unicode label which encodes to that very A-label (RFC 5891 §5.4). */
function hasValidALabels(name: string): boolean {
  return name.split('.').every((label) => {
    if (!label.startsWith('xn--')) return true;
    const unicode = domainToUnicode(label);
    return unicode !== label && domainToASCII(unicode) === label;
  });
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 127) return false;
  }
  return true;
}

/**
 * domainToASCII decodes percent signs and cuts at URL delimiters, so ASCII that is no part of a name is refused before
 * it; it answers '' for what it can't encode, which is no host name either.
 */
function toAscii(text: string): string {
  return /^[\w.\-\u{80}-\u{10ffff}]+$/u.test(text) ? domainToASCII(text) : '';
}

function invalid(fault: HostnameFault): HostnameResult {
  return { kind: 'invalid', fault };
}
