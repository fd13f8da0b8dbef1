import { childSchema, shapeOf } from './schema-walk.ts';
import type { AnySchema } from './schema-walk.ts';
import { inTable, makeProblem } from './sources.ts';
import { nearest } from './suggest.ts';
import { isTable } from './tables.ts';
import type { ConfigPath, ConfigSources, Problem } from './types.ts';

export interface UnknownKeys {
  problems: Problem[];
  /** Keys that were probably meant, so that nobody calls them missing. */
  meant: ConfigPath[];
}

/**
 * Reports every key that no schema knows and takes it out of `value`, in place. This walk, not zod's strictness,
 * is what refuses unknown keys: it reaches every table, also below other mistakes, and knows the nearest key.
 */
export function removeUnknownKeys(schema: AnySchema, value: unknown, sources: ConfigSources): UnknownKeys {
  const found: UnknownKeys = { problems: [], meant: [] };
  walk(schema, value, [], sources, found);
  return found;
}

export function unknownKeyProblem(
  sources: ConfigSources,
  path: ConfigPath,
  known: readonly string[],
): { problem: Problem; meant: string | null } {
  const key = String(path.at(-1));
  const table = path.slice(0, -1);
  const meant = nearest(key, known);
  const what = table.length === 0 ? 'unknown section or key' : 'unknown key';
  const problem = makeProblem(sources, 'unknown-key', path, `${what} ${JSON.stringify(key)} ${inTable(table)}`, {
    at: 'key',
    ...(meant === null ? { expected: knownText(known) } : { suggestion: JSON.stringify(meant) }),
  });
  return { problem, meant };
}

function walk(schema: AnySchema, value: unknown, path: ConfigPath, sources: ConfigSources, found: UnknownKeys): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const child = childSchema(schema, index);
      if (child !== null) walk(child, item, [...path, index], sources, found);
    }
    return;
  }
  if (!isTable(value)) return;
  const shape = shapeOf(schema);
  for (const key of Object.keys(value)) {
    const at = [...path, key];
    if (shape !== null && !Object.hasOwn(shape, key)) {
      const { problem, meant } = unknownKeyProblem(sources, at, Object.keys(shape));
      found.problems.push(problem);
      if (meant !== null) found.meant.push([...path, meant]);
      delete value[key];
      continue;
    }
    const child = childSchema(schema, key);
    if (child !== null) walk(child, value[key], at, sources, found);
  }
}

function knownText(known: readonly string[]): string {
  if (known.length === 0) return 'no keys';
  return known.length === 1 ? `only ${known[0]}` : `one of ${known.join(', ')}`;
}
