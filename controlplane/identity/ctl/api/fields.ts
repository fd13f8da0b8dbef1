/** The fields of a request as REST has them. */
export type Fields = { readonly [name: string]: unknown };

/**
 * A message of the contract in REST's words: snake_case, times as text, unset fields left out, the one field of several that is
 * set under its own name, and those of a page or a filter beside the others.
 */
export function fieldsOf(message: object): Fields {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message) as [string, unknown][]) {
    if (value === undefined) continue;
    if (isChoice(value))
      Object.assign(fields, isObject(value.value) ? fieldsOf(value.value) : { [snake(value.$case)]: value.value });
    else if ((name === 'page' || name === 'filter') && isObject(value))
      Object.assign(fields, withoutEmpty(fieldsOf(value)));
    else fields[snake(name)] = wireValue(value);
  }
  return fields;
}

export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A query of the fields, `?` included; empty for none. */
export function queryOf(fields: Fields): string {
  const query = new URLSearchParams(
    Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  return query === '' ? '' : `?${query}`;
}

function wireValue(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(wireValue);
  return isObject(value) ? fieldsOf(value) : value;
}

function withoutEmpty(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '' && value !== 0));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function isChoice(value: unknown): value is { readonly $case: string; readonly value: unknown } {
  return isObject(value) && '$case' in value;
}
