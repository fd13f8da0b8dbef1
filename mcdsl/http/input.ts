import type { z } from 'zod';

import { httpErrors } from './errors.ts';

/** @throws SystemError invalid_argument that names the first field that is wrong, never its value */
export function checkInput(
  where: 'path' | 'query' | 'body' | 'request',
  schema: z.ZodType | null,
  value: unknown,
): unknown {
  if (schema === null) {
    const [extra] = Object.keys(value ?? {});
    if (extra === undefined) return value;
    throw httpErrors.error('invalid_argument', `the ${where} has the unknown field ${shown(extra)}`, {
      field: shown(extra),
    });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue === undefined) throw httpErrors.error('invalid_argument', `the ${where} is not as expected`);
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...issue.path, ...(unknown === undefined ? [] : [unknown])].map(String).join('.');
  const what = unknown === undefined ? issue.message : 'unknown field';
  const field = shown(path);
  throw httpErrors.error('invalid_argument', `${field === '' ? `the ${where}` : field}: ${what}`, { field });
}

/** A name that the client chose, short enough and plain enough for logs. */
function shown(name: string): string {
  return name.slice(0, 100).replaceAll(/[^\x20-\x7e]/g, '?');
}
