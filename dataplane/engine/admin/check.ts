import { proxyErrors } from '../errors.ts';

/** Longest texts that a request may hold, in UTF-16 units; what a text means is judged by the state. */
export const maxLength = {
  listener: 256,
  /** More than a host name of the DNS has, for names in Unicode. */
  hostname: 1024,
  backend: 512,
  /** PATH_MAX of Linux. */
  path: 4096,
  value: 1024,
  word: 64,
  userAgent: 8192,
} as const;

/** @throws invalid_argument when a text of the request is too long or holds control characters, which nothing here has */
export function checkText(field: string, text: string, maxChars: number): string {
  if (text.length > maxChars) {
    const message = `${field} has ${text.length} characters; ${maxChars} are possible`;
    throw proxyErrors.error('invalid_argument', message, { field });
  }
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    const message = `${field} is ${JSON.stringify(text)}, which holds control characters`;
    throw proxyErrors.error('invalid_argument', message, { field });
  }
  return text;
}

/** @throws invalid_argument when the list has too many entries, or one of them is refused by checkText */
export function checkTexts(field: string, texts: readonly string[], maxEntries: number, maxChars: number): string[] {
  if (texts.length > maxEntries) {
    const message = `${field} has ${texts.length} entries; ${maxEntries} are possible`;
    throw proxyErrors.error('invalid_argument', message, { field });
  }
  return texts.map((text, index) => checkText(`${field}[${index}]`, text, maxChars));
}

/** @throws invalid_argument when the request lacks the message */
export function required<T>(field: string, message: T | undefined): T {
  if (message === undefined) throw proxyErrors.error('invalid_argument', `${field} is missing`, { field });
  return message;
}
