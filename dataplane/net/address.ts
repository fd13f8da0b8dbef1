/**
 * An IP address as four unsigned 32-bit words, most significant first. IPv4 is held as ::ffff:a.b.c.d, and every
 * spelling of a mapped address becomes family 4, so that no lookup can be dodged by writing an IPv4 client as IPv6.
 */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

export interface SocketAddress {
  readonly ip: IpAddress;
  readonly port: number;
}

const DOT = 46;
const COLON = 58;
const MAPPED_WORD = 0xffff;

/**
 * The groups of the address being parsed. One buffer for the thread: a parse runs to its end in one turn, and the
 * address itself is then the only allocation.
 */
const scratch = new Uint8Array(16);
const scratchView = new DataView(scratch.buffer);

/**
 * Parses the text form of an address: dotted decimal without leading zeros, or RFC 4291 §2.2. Anything else, a zone
 * id included, is null. Cost: one pass over the text.
 */
export function parseIp(text: string): IpAddress | null {
  return parseRange(text, text.length);
}

/** As parseIp, and drops the `%scope` that sockets add to link-local addresses. For `socket.remoteAddress`. */
export function parseSocketIp(text: string): IpAddress | null {
  const percent = text.indexOf('%');
  if (percent === -1) return parseRange(text, text.length);
  if (percent === text.length - 1 || !text.includes(':')) return null;
  return parseRange(text, percent);
}

/** The canonical text: dotted decimal, or RFC 5952 (lower case, the first longest run of two or more zero groups as ::). */
export function formatIp(ip: IpAddress): string {
  const [w0, w1, w2, w3] = ip.words;
  if (ip.family === 4) return `${w3 >>> 24}.${(w3 >>> 16) & 255}.${(w3 >>> 8) & 255}.${w3 & 255}`;
  const groups = [w0 >>> 16, w0 & MAPPED_WORD, w1 >>> 16, w1 & MAPPED_WORD];
  groups.push(w2 >>> 16, w2 & MAPPED_WORD, w3 >>> 16, w3 & MAPPED_WORD);
  const gap = longestZeroRun(groups);
  if (gap.length < 2) return hexGroups(groups);
  return `${hexGroups(groups.slice(0, gap.start))}::${hexGroups(groups.slice(gap.start + gap.length))}`;
}

/** Four unsigned 32-bit words, most significant first; ::ffff:0:0/96 becomes family 4. */
export function ipFromWords(w0: number, w1: number, w2: number, w3: number): IpAddress {
  return { family: w0 === 0 && w1 === 0 && w2 === MAPPED_WORD ? 4 : 6, words: [w0, w1, w2, w3] };
}

/** Network byte order, 4 or 16 bytes; mapped addresses in 16 bytes become family 4. Throws RangeError on other lengths. */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return ipFromWords(0, 0, MAPPED_WORD, view.getUint32(0));
  if (bytes.length !== 16) throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  return ipFromWords(view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12));
}

export function ipEquals(a: IpAddress, b: IpAddress): boolean {
  const x = a.words;
  const y = b.words;
  return x[3] === y[3] && x[2] === y[2] && x[1] === y[1] && x[0] === y[0];
}

/** Parses text[start, end) as dotted decimal into an unsigned 32-bit number; -1 when it isn't. */
function parseDotted(text: string, start: number, end: number): number {
  let address = 0;
  let octet = 0;
  let digits = 0;
  let octets = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || octets === 3) return -1;
      address = address * 256 + octet;
      octets++;
      octet = 0;
      digits = 0;
      continue;
    }
    const digit = code - 48;
    if (digit < 0 || digit > 9 || (digits > 0 && octet === 0)) return -1;
    octet = octet * 10 + digit;
    digits++;
    if (octet > 255) return -1;
  }
  return digits > 0 && octets === 3 ? address * 256 + octet : -1;
}

function parseRange(text: string, end: number): IpAddress | null {
  // The first dot or colon tells the families apart; it comes within the first five characters of any address.
  for (let i = 0; i < end && i < 5; i++) {
    const code = text.charCodeAt(i);
    if (code === COLON) return parseGroups(text, end);
    if (code === DOT) {
      const address = parseDotted(text, 0, end);
      return address === -1 ? null : ipFromWords(0, 0, MAPPED_WORD, address);
    }
  }
  return null;
}

function parseGroups(text: string, end: number): IpAddress | null {
  let count = 0;
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (end < 2 || text.charCodeAt(1) !== COLON) return null;
    gap = 0;
    i = 2;
  }
  while (i < end) {
    if (count === 8) return null;
    const start = i;
    let value = 0;
    let code = 0;
    for (; i < end; i++) {
      code = text.charCodeAt(i);
      const digit = hexDigit(code);
      if (digit === -1) break;
      value = value * 16 + digit;
      if (i - start === 4) return null;
    }
    if (i < end && code === DOT) {
      const tail = count > 6 ? -1 : parseDotted(text, start, end);
      if (tail === -1) return null;
      scratchView.setUint16(count * 2, tail >>> 16);
      scratchView.setUint16(count * 2 + 2, tail & MAPPED_WORD);
      count += 2;
      break;
    }
    if (i === start) return null;
    scratchView.setUint16(count * 2, value);
    count++;
    if (i === end) break;
    i++;
    if (code !== COLON || i === end) return null;
    if (text.charCodeAt(i) === COLON) {
      if (gap !== -1) return null;
      gap = count;
      i++;
    }
  }
  if (gap === -1 ? count !== 8 : count === 8) return null;
  if (gap !== -1) openGap(gap, count);
  return ipFromWords(
    scratchView.getUint32(0),
    scratchView.getUint32(4),
    scratchView.getUint32(8),
    scratchView.getUint32(12),
  );
}

/** Moves the groups that were read after "::" to the end and zeroes what lies between. */
function openGap(gap: number, count: number): void {
  const tailStart = 16 - (count - gap) * 2;
  scratch.copyWithin(tailStart, gap * 2, count * 2);
  scratch.fill(0, gap * 2, tailStart);
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  });
  return best;
}

function hexGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}
