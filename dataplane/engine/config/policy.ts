export type PolicyParse = { ok: true; value: string } | { ok: false; reason: string };

const MAX_LENGTH = 256;

/** A substring of a User-Agent: 1 to 256 visible characters or spaces; kept as written, compared without regard to case. */
export function parseUserAgent(text: string): PolicyParse {
  if (text.trim() === '') return { ok: false, reason: 'an empty User-Agent would block every client' };
  if (text.length > MAX_LENGTH) return { ok: false, reason: `the User-Agent is longer than ${MAX_LENGTH} characters` };
  if (/[^\x20-\x7e]/.test(text)) {
    return {
      ok: false,
      reason: `${JSON.stringify(text)} holds characters that no User-Agent has; use printable ASCII`,
    };
  }
  return { ok: true, value: text };
}

/** The name of a header field (a token, RFC 9110 §5.1), in lower case. */
export function parseHeaderName(text: string): PolicyParse {
  if (/^[!#$%&'*+\-.^_`|~\dA-Za-z]{1,256}$/.test(text)) return { ok: true, value: text.toLowerCase() };
  return { ok: false, reason: `${JSON.stringify(text)} is not the name of a header field, such as "x-api-key"` };
}

/** The first spelling of each value. */
export function uniqueIgnoringCase(values: readonly string[]): string[] {
  const seen = new Map(values.toReversed().map((value) => [value.toLowerCase(), value]));
  return [...new Set(values.map((value) => value.toLowerCase()))].map((key) => seen.get(key) ?? key);
}
