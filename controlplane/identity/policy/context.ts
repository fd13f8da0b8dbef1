import type { PolicyContext } from './model.ts';

export type ContextParse =
  | { readonly ok: true; readonly context: PolicyContext }
  | { readonly ok: false; readonly field: 'service_name' | 'tags'; readonly message: string };

export const serviceNamePattern = /^[a-z][a-z0-9.-]{0,62}$/;
export const tagPattern = /^[a-z0-9][a-z0-9._:/-]{0,63}$/;
export const maxTags = 16;

/**
 * Judges what a caller says about the service that somebody logs into. Nothing is trimmed or folded: a service that cannot spell
 * its name should find out at once. Tags are counted as sent, so that duplicates do not smuggle in a longer list.
 */
export function parseContext(serviceName: unknown, tags: unknown = []): ContextParse {
  if (typeof serviceName !== 'string' || !serviceNamePattern.test(serviceName)) {
    const message =
      'service_name is missing or malformed: a lower-case letter, then up to 62 of a-z, 0-9, "." and "-", such as "mcq"';
    return { ok: false, field: 'service_name', message };
  }
  if (!Array.isArray(tags)) return { ok: false, field: 'tags', message: 'tags must be a list of texts' };
  if (tags.length > maxTags) {
    return { ok: false, field: 'tags', message: `tags has ${tags.length} entries, at most ${maxTags} are allowed` };
  }
  const unique = new Set<string>();
  for (const [index, tag] of tags.entries()) {
    if (typeof tag !== 'string' || !tagPattern.test(tag)) {
      const message = `tags[${index}] is malformed: up to 64 of a-z, 0-9 and "._:/-", such as "env:restricted"`;
      return { ok: false, field: 'tags', message };
    }
    unique.add(tag);
  }
  return { ok: true, context: { serviceName, tags: [...unique] } };
}
