// C0, DEL, C1, invisible direction marks (they reorder what a reader sees) and line separators. Lone surrogates too:
// they have no encoding, so the terminal would get something else than what was compared.
const unsafe =
  // oxlint-disable-next-line no-control-regex -- finding control characters is its purpose
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const named: Readonly<Record<string, string>> = { '\n': String.raw`\n`, '\r': String.raw`\r`, '\t': String.raw`\t` };

/**
 * Makes text of any origin safe to print: whatever could move the cursor, change colours or reorder the line becomes a
 * visible escape. Text that is safe comes back unchanged.
 */
export function escapeControl(text: string): string {
  return text.replace(unsafe, escapeOne);
}

/** As escapeControl, but line feeds stay: for text that is laid out over several lines, such as a stack. */
export function escapeControlLines(text: string): string {
  return text.split('\n').map(escapeControl).join('\n');
}

function escapeOne(char: string): string {
  const code = char.charCodeAt(0);
  return named[char] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
