import { z } from 'zod';

import { duration, expecting, textField } from '../../../mcdsl/config/index.ts';
import { nameRule, parseAccountName } from '../accounts/index.ts';
import { parseContext } from '../policy/index.ts';

const hourMs = 3_600_000;
const tenYearsMs = 10 * 365 * 24 * hourMs;

export function integer(min: number, max: number, words: string) {
  return expecting(z.int().min(min).max(max), `${words}, from ${min} to ${max}`);
}

/** A length of life: no timer waits for it, so it may be longer than a timer can. */
export function lifetime(minMs: number, maxMs: number = tenYearsMs) {
  return duration({ minMs, maxMs });
}

/** Tokens for `platform` are good at every service, and `mcias` is mcias itself: no client may stand for either. */
const reserved = ['mcias', 'platform'];

export function serviceName() {
  return textField(
    (text) => {
      const parsed = parseContext(text);
      if (!parsed.ok) return { ok: false, reason: `${JSON.stringify(text)} is no name of a service` };
      return reserved.includes(text)
        ? { ok: false, reason: `"${text}" is no service of its own` }
        : { ok: true, value: text };
    },
    { expected: 'the name of a service such as "mcq"', standIn: 'stand-in' },
  );
}

export function tags() {
  const tag = textField(
    (text) => {
      const parsed = parseContext('any', [text]);
      return parsed.ok ? { ok: true, value: text } : { ok: false, reason: `${JSON.stringify(text)} is no tag` };
    },
    { expected: 'a tag such as "env:restricted"' },
  );
  return expecting(z.array(tag).max(16), 'at most 16 tags such as "env:restricted"').default([]);
}

export function accountName() {
  return textField(
    (text) =>
      parseAccountName(text) === text
        ? { ok: true, value: text }
        : { ok: false, reason: `${JSON.stringify(text)} is no name` },
    { expected: nameRule },
  );
}

export function clientId() {
  return textField(
    (text) =>
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)
        ? { ok: true, value: text }
        : { ok: false, reason: `${JSON.stringify(text)} is no client id` },
    { expected: 'up to 64 letters, digits, ".", "_" and "-"', standIn: 'stand-in' },
  );
}
