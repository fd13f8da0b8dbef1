/**
 * Field lines of HTTP/1.1 as RFC 9112 §5 and RFC 9110 §5.5 allow them, and nothing that any recipient might read differently: no
 * space before the colon, no folded lines, no line end but CRLF, no control characters.
 */

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

/** By character code: 1 for what a token is made of (RFC 9110 §5.6.2). */
export const TOKEN_CHARACTERS: Uint8Array = charactersOf(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/);
/** By character code: 1 for what a field value or a reason phrase is made of: visible ones, obs-text, space and tab. */
export const TEXT_CHARACTERS: Uint8Array = charactersOf(/[\t\x20-\x7e\x80-\xff]/);

/**
 * Reads `text[from, to)`, lines that each end with CRLF, into a raw list. Returns what is wrong, or null.
 * Cost: two table reads a character, one slice for each name and value.
 */
export function readFieldLines(text: string, from: number, to: number, into: string[]): string | null {
  let at = from;
  while (at < to) {
    const nameAt = at;
    while (TOKEN_CHARACTERS[text.charCodeAt(at)] === 1) at++;
    if (at === nameAt || text.charCodeAt(at) !== COLON) return 'field name';
    const name = text.slice(nameAt, at++);
    while (isBlank(text.charCodeAt(at))) at++;
    const valueAt = at;
    while (TEXT_CHARACTERS[text.charCodeAt(at)] === 1) at++;
    if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) return 'field value';
    let end = at;
    while (end > valueAt && isBlank(text.charCodeAt(end - 1))) end--;
    into.push(name, text.slice(valueAt, end));
    at += 2;
  }
  return null;
}

export function isFieldName(text: string): boolean {
  return text !== '' && consistsOf(TOKEN_CHARACTERS, text);
}

/** True when the text can be written as a value, or as anything else within a line, without ending the line. */
export function isFieldText(text: string): boolean {
  return consistsOf(TEXT_CHARACTERS, text);
}

function consistsOf(characters: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (characters[text.charCodeAt(i)] !== 1) return false;
  return true;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function charactersOf(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (pattern.test(String.fromCharCode(code)) ? 1 : 0));
}
