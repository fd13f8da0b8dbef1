/**
 * Offsets of the lexical parts of TOML 1.0/1.1 text. These functions find where things begin and end;
 * whether the text is right is the parser's to say, so they accept more than TOML does and never throw.
 */

/** A stretch of the text, in UTF-16 units. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

export interface KeyPart extends Span {
  readonly name: string;
}

export interface KeyScan {
  readonly parts: readonly KeyPart[];
  readonly end: number;
}

export function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at++;
  return at;
}

/** Past blanks, line ends and comments. */
export function skipVoid(text: string, from: number): number {
  let at = from;
  for (;;) {
    const char = text[at];
    if (char === ' ' || char === '\t' || char === '\n' || char === '\r') at++;
    else if (char === '#') at = endOfLine(text, at);
    else return at;
  }
}

/** The offset of the next LF, or of the text's end. */
export function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

export function startOfLine(text: string, from: number): number {
  return from <= 0 ? 0 : text.lastIndexOf('\n', from - 1) + 1;
}

/** Past the string that opens at `from`, or -1 where it is not closed. */
export function endOfString(text: string, from: number): number {
  const quote = text[from];
  if (quote !== '"' && quote !== "'") return -1;
  const triple = quote.repeat(3);
  if (text.startsWith(triple, from)) return endOfMultilineString(text, from + 3, quote);
  for (let at = from + 1; at < text.length; at++) {
    const char = text[at];
    if (char === quote) return at + 1;
    if (char === '\n') return -1;
    if (char === '\\' && quote === '"') at++;
  }
  return -1;
}

function endOfMultilineString(text: string, from: number, quote: string): number {
  const triple = quote.repeat(3);
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\' && quote === '"') at++;
    else if (text.startsWith(triple, at)) {
      // Up to two quotes may stand right before the closing three.
      let end = at + 3;
      while (end < at + 5 && text[end] === quote) end++;
      return end;
    }
  }
  return -1;
}

/** Past a number, boolean or date, which may hold a blank between date and time. */
export function endOfScalar(text: string, from: number): number {
  let at = from;
  while (at < text.length && !',]}#\n\r=["\'{'.includes(text.charAt(at))) at++;
  while (at > from && (text[at - 1] === ' ' || text[at - 1] === '\t')) at--;
  return at;
}

// Longer dotted keys are refused with all deep nesting; the bound keeps the cost of a key's path linear.
const maxKeyParts = 64;

/** A bare, quoted or dotted key, or null where there is none. `end` is past the blanks that follow it. */
export function scanKey(text: string, from: number): KeyScan | null {
  const parts: KeyPart[] = [];
  let at = from;
  while (parts.length < maxKeyParts) {
    at = skipBlanks(text, at);
    const part = scanKeyPart(text, at);
    if (part === null) return null;
    parts.push(part);
    at = skipBlanks(text, at + part.length);
    if (text[at] !== '.') return { parts, end: at };
    at++;
  }
  return null;
}

const bareKey = /[A-Za-z0-9_-]+/y;

function scanKeyPart(text: string, from: number): KeyPart | null {
  const quote = text[from];
  if (quote === '"' || quote === "'") {
    const end = endOfString(text, from);
    if (end === -1 || text.startsWith(quote.repeat(3), from)) return null;
    const inner = text.slice(from + 1, end - 1);
    const name = quote === '"' ? unescape(inner) : inner;
    return name === null ? null : { name, offset: from, length: end - from };
  }
  bareKey.lastIndex = from;
  const name = bareKey.exec(text)?.[0];
  return name === undefined ? null : { name, offset: from, length: name.length };
}

const escapes: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  e: '\u001b',
  '"': '"',
  '\\': '\\',
};

/** The text of a basic string's inside, or null where an escape is wrong. */
function unescape(inner: string): string | null {
  let wrong = false;
  const plain = inner.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([^]?))/g,
    (
      _whole,
      short: string | undefined,
      long: string | undefined,
      byte: string | undefined,
      char: string | undefined,
    ) => {
      const hex = short ?? long ?? byte;
      const codePoint = hex === undefined ? null : Number.parseInt(hex, 16);
      if (codePoint !== null && codePoint <= 0x10ffff) return String.fromCodePoint(codePoint);
      const replacement = char !== undefined && Object.hasOwn(escapes, char) ? escapes[char] : undefined;
      if (replacement === undefined) wrong = true;
      return replacement ?? '';
    },
  );
  return wrong ? null : plain;
}
