import { z } from 'zod';
import { describeSchema, describeValue, kindOf, schemaAt } from './schema-walk.ts';
import type { AnySchema } from './schema-walk.ts';
import { inTable, keyText, makeProblem, pathText, startsWith } from './sources.ts';
import { nearest } from './suggest.ts';
import { getAt, isTable } from './tables.ts';
import { quote } from './units.ts';
import type { ConfigPath, ConfigSources, Problem } from './types.ts';

export interface IssueContext {
  schema: AnySchema;
  data: unknown;
  sources: ConfigSources;
  /** Keys whose absence is another mistake's consequence. */
  excused: readonly ConfigPath[];
}

/** What zod found wrong, in the words of the configuration file. */
export function describeIssues(issues: readonly z.core.$ZodIssue[], context: IssueContext): Problem[] {
  return issues.flatMap((issue) => describeIssue(issue, toPath(issue.path), context));
}

export function toPath(path: readonly PropertyKey[]): ConfigPath {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}

function describeIssue(issue: z.core.$ZodIssue, path: ConfigPath, context: IssueContext): Problem[] {
  const value = getAt(context.data, path);
  if (value === undefined && path.length > 0) return describeMissing(path, context);
  switch (issue.code) {
    case 'invalid_type':
      return [describeType(path, value, context)];
    case 'invalid_union':
      return describeUnion(issue, path, context);
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.flatMap((inner) => [valueProblem(path, inner.message, context)]);
    case 'invalid_value':
      return [
        notAllowed(
          path,
          issue.values.filter((allowed) => typeof allowed === 'string'),
          context,
        ),
      ];
    case 'too_small':
    case 'too_big':
      return [valueProblem(path, boundReason(issue), context)];
    case 'invalid_format':
    case 'not_multiple_of':
    case 'custom':
    case 'unrecognized_keys':
      return [valueProblem(path, issue.message, context)];
    default:
      return issue satisfies never;
  }
}

function describeMissing(path: ConfigPath, { schema, sources, excused }: IssueContext): Problem[] {
  if (excused.some((other) => startsWith(path, other) || startsWith(other, path))) return [];
  const table = path.slice(0, -1);
  const own = schemaAt(schema, path);
  const kind = own === null ? null : kindOf(own);
  const key = keyText(String(path.at(-1)));
  const message =
    kind === 'object'
      ? `missing section [${[...table.filter((step) => typeof step === 'string').map(keyText), key].join('.')}]`
      : `missing key "${key}" ${inTable(table)}`;
  return [
    makeProblem(
      sources,
      'missing',
      path,
      message,
      own === null || kind === 'object' ? {} : { expected: describeSchema(own) },
    ),
  ];
}

function describeType(path: ConfigPath, value: unknown, { schema, sources }: IssueContext): Problem {
  const own = schemaAt(schema, path);
  const suggestion = own === null ? null : otherType(own, value);
  return makeProblem(sources, 'type', path, `${quote(pathText(path))} is ${typeText(value)}`, {
    ...(own === null ? {} : { expected: describeSchema(own) }),
    ...(suggestion === null ? {} : { suggestion }),
  });
}

function valueProblem(
  path: ConfigPath,
  reason: string,
  context: IssueContext,
  suggestion: string | null = null,
): Problem {
  const own = schemaAt(context.schema, path);
  const expected = own === null ? null : describeValue(own);
  return makeProblem(context.sources, 'value', path, `bad value for ${quote(pathText(path))}: ${reason}`, {
    ...(expected === null ? {} : { expected }),
    ...(suggestion === null ? {} : { suggestion }),
  });
}

function notAllowed(path: ConfigPath, words: readonly string[], context: IssueContext): Problem {
  const value = getAt(context.data, path);
  const meant = typeof value === 'string' ? nearest(value, words) : null;
  const shown = typeof value === 'string' ? quote(value) : isTable(value) ? 'a table' : String(value);
  return valueProblem(path, `${shown} is not allowed`, context, meant === null ? null : JSON.stringify(meant));
}

/** Of a union the alternative that was nearest speaks; where the kind of value fits none, the union as a whole. */
function describeUnion(issue: z.core.$ZodIssueInvalidUnion, path: ConfigPath, context: IssueContext): Problem[] {
  const deeper = issue.errors.filter(
    (issues) => !issues.some((inner) => inner.code === 'invalid_type' && inner.path.length === 0),
  );
  const closest = deeper.toSorted((a, b) => a.length - b.length)[0];
  if (closest === undefined) {
    if (issue.discriminator !== undefined) {
      const at = path.at(-1) === issue.discriminator ? path : [...path, issue.discriminator];
      return [notAllowed(at, ('options' in issue ? (issue.options ?? []) : []).map(String), context)];
    }
    return [describeType(path, getAt(context.data, path), context)];
  }
  return closest.flatMap((inner) => describeIssue(inner, [...path, ...toPath(inner.path)], context));
}

function boundReason(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const unit = issue.origin === 'string' ? ' characters long' : issue.origin === 'array' ? ' elements long' : '';
  if (issue.code === 'too_small') {
    if (unit !== '' && Number(issue.minimum) === 1) return 'it is empty';
    return `it must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit}`;
  }
  return `it must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unit}`;
}

function typeText(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return 'a date';
  if (isTable(value)) return 'a table';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a whole number' : 'a number with a fraction';
  return `a ${typeof value}`;
}

/** The same in the right type where that is all that is wrong, e.g. `"20"` where a number is wanted. */
function otherType(schema: AnySchema, value: unknown): string | null {
  const kind = kindOf(schema);
  let other: unknown;
  if (kind === 'number' && typeof value === 'string' && value.trim() !== '') other = Number(value);
  if (kind === 'boolean' && (value === 'true' || value === 'false')) other = value === 'true';
  if (kind === 'array' && typeof value !== 'object') other = [value];
  if (other === undefined || !z.core.safeParse(schema, other).success) return null;
  return JSON.stringify(other);
}
