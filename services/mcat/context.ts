import { z } from 'zod';

import { expecting } from '../../mcdsl/config/index.ts';

/** What a login is for, as the login policy sees it. */
export type Context = { readonly serviceName: string; readonly tags: readonly string[] };

const maxTags = 16;

export function serviceName() {
  const pattern = /^[a-z][a-z0-9.-]{0,62}$/;
  return expecting(z.string().regex(pattern, 'is not a service name'), 'a service name such as "mcq"');
}

export function tags() {
  const pattern = /^[a-z0-9][a-z0-9._:/-]{0,63}$/;
  return z.array(expecting(z.string().regex(pattern, 'is not a tag'), 'a tag such as "env:restricted"')).max(maxTags);
}

/** A form's text: tags between spaces, commas or line ends. mcias judges them. */
export function splitTags(text: string): string[] {
  return text.split(/[\s,]+/).filter((tag) => tag !== '');
}
