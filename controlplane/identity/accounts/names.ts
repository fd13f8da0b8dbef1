const pattern = /^[a-z][a-z0-9._-]{1,31}$/;

export const nameRule =
  'a name is a letter, then 1 to 31 of a-z, 0-9, ".", "_" and "-", such as "ann" or "mcp-agent"; nothing is trimmed';

/**
 * The one spelling of an account's name, for looking up, counting and storing alike: A–Z are folded, nothing else. Null for what is
 * no name, which costs neither a hash nor a row.
 */
export function parseAccountName(text: string): string | null {
  const name = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return pattern.test(name) ? name : null;
}
