import { z } from 'zod';

/** Any zod schema, as zod's own introspection types see it. */
export type AnySchema = z.core.$ZodType;

interface Words {
  expected: string;
  standIn?: string | undefined;
}

const words = z.registry<Words>();

/**
 * Says what a field expects, in the words that follow "expected:", e.g. `a CIDR such as "10.0.0.0/8"`.
 * `standIn` is a valid text that takes the place of a wrong or missing one while the other settings are checked.
 */
export function expecting<S extends z.ZodType>(schema: S, expected: string, standIn?: string): S {
  words.add(schema, { expected, standIn });
  return schema;
}

function wordsOf(schema: AnySchema): Words | null {
  for (const layer of layers(schema)) {
    const said = words.get(layer);
    if (said !== undefined) return said;
  }
  return null;
}

export function standInOf(schema: AnySchema): string | null {
  return wordsOf(schema)?.standIn ?? null;
}

/** The schema of what is written in the file: without defaults, optionality and transforms. */
export function unwrap(schema: AnySchema): z.core.$ZodTypes {
  return layers(schema).at(-1) ?? (schema as z.core.$ZodTypes);
}

function layers(schema: AnySchema): z.core.$ZodTypes[] {
  const found: z.core.$ZodTypes[] = [];
  for (let next: AnySchema | null = schema; next !== null; next = innerOf(next as z.core.$ZodTypes)) {
    found.push(next as z.core.$ZodTypes);
  }
  return found;
}

function innerOf(schema: z.core.$ZodTypes): AnySchema | null {
  const { def } = schema._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return def.innerType;
    case 'pipe':
      return unwrap(def.in)._zod.def.type === 'transform' ? def.out : def.in;
    case 'lazy':
      return def.getter();
    default:
      return null;
  }
}

/** The known keys of a table's schema, or null where it is no table or takes any key. */
export function shapeOf(schema: AnySchema): Readonly<Record<string, AnySchema>> | null {
  const { def } = unwrap(schema)._zod;
  switch (def.type) {
    case 'object':
      return def.catchall === undefined || unwrap(def.catchall)._zod.def.type === 'never' ? def.shape : null;
    case 'union':
      return mergedShape(def.options.filter((option) => ['object', 'intersection'].includes(kindOf(option))));
    case 'intersection':
      return mergedShape([def.left, def.right]);
    default:
      return null;
  }
}

function mergedShape(schemas: readonly AnySchema[]): Record<string, AnySchema> | null {
  const shapes = schemas.map(shapeOf);
  if (shapes.length === 0 || shapes.includes(null)) return null;
  return Object.assign({}, ...shapes) as Record<string, AnySchema>;
}

/** The schema of a table's key or of an array's elements, or null where there is none. */
export function childSchema(schema: AnySchema, key: string | number): AnySchema | null {
  const inner = unwrap(schema);
  const { def } = inner._zod;
  switch (def.type) {
    case 'array':
      return typeof key === 'number' ? def.element : null;
    case 'tuple':
      return typeof key === 'number' ? (def.items[key] ?? def.rest) : null;
    case 'record':
      return def.valueType;
    case 'union':
      return anyOf(def.options.flatMap((option) => childSchema(option, key) ?? []));
    case 'intersection':
      return childSchema(def.left, key) ?? childSchema(def.right, key);
    case 'object':
      return Object.hasOwn(def.shape, key) ? (def.shape[key] ?? null) : (def.catchall ?? null);
    default:
      return null;
  }
}

function anyOf(schemas: readonly AnySchema[]): AnySchema | null {
  return schemas.length > 1 ? z.union(schemas) : (schemas[0] ?? null);
}

export function schemaAt(schema: AnySchema, path: readonly (string | number)[]): AnySchema | null {
  let at: AnySchema | null = schema;
  for (const key of path) at = at === null ? null : childSchema(at, key);
  return at;
}

export function kindOf(schema: AnySchema): z.core.$ZodTypes['_zod']['def']['type'] {
  return unwrap(schema)._zod.def.type;
}

/** What a schema expects beyond its type; null where nothing is known. */
export function describeValue(schema: AnySchema): string | null {
  return kindOf(schema) === 'string' && wordsOf(schema) === null ? null : describeSchema(schema);
}

/** What a schema expects, in words for the operator. */
export function describeSchema(schema: AnySchema): string {
  const said = wordsOf(schema);
  if (said !== null) return said.expected;
  const { def } = unwrap(schema)._zod;
  switch (def.type) {
    case 'string':
      return 'a string in quotes';
    case 'boolean':
      return 'true or false';
    case 'number':
      return describeNumber(def);
    case 'enum':
      return oneOf(Object.values(def.entries));
    case 'literal':
      return oneOf(def.values);
    case 'array':
      return `an array, each element ${describeSchema(def.element)}`;
    case 'union':
      return [...new Set(def.options.map(describeSchema))].join(', or ');
    case 'object':
    case 'record':
    case 'intersection':
      return 'a table';
    default:
      return def.type;
  }
}

function oneOf(values: readonly unknown[]): string {
  const words = values.map((value) => (typeof value === 'string' ? JSON.stringify(value) : String(value)));
  return words.length === 1 ? (words[0] ?? '') : `one of ${words.join(', ')}`;
}

function describeNumber(def: z.core.$ZodNumberDef): string {
  let isInt = 'format' in def;
  const bounds: string[] = [];
  for (const { _zod } of def.checks ?? []) {
    const check = _zod.def as z.core.$ZodChecks['_zod']['def'];
    if (check.check === 'number_format') isInt = true;
    if (check.check === 'greater_than') bounds.push(`${check.inclusive ? 'at least' : 'above'} ${check.value}`);
    if (check.check === 'less_than') bounds.push(`${check.inclusive ? 'at most' : 'below'} ${check.value}`);
  }
  const kind = isInt ? 'a whole number' : 'a number';
  return bounds.length === 0 ? kind : `${kind}, ${bounds.join(' and ')}`;
}
