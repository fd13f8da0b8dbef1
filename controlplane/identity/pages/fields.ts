import { z } from 'zod';

import { messageOf } from '../../../mcdsl/errors/index.ts';
import { refusal } from '../errors.ts';

/** Optional, so that a missing one is refused as csrf_missing and not as a malformed form. */
export const csrfField = z.string().optional();

/** Where to go on afterwards. */
export const returnField = z.string().max(2048).optional();

/** A form that says nothing but that it was sent. */
export const noFields = z.strictObject({ csrf: csrfField });

/** What the script wrote into the form's hidden field: the answer of the authenticator. @throws invalid_argument */
export function parseResponse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw refusal('invalid_argument', 'bad_json', {
      message: 'the browser sent no answer of a passkey; it needs JavaScript',
      logged: { why: messageOf(cause).slice(0, 100) },
    });
  }
}

/** Words of a text field, separated by spaces, commas or lines. */
export function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}
