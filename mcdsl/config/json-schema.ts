import { z } from 'zod';
import type { Alias, ConfigDefinition } from './types.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The JSON Schema (draft 2020-12) of what may be written in the file, for editors and `config schema`. */
export function configJsonSchema<S extends z.ZodObject>(definition: ConfigDefinition<S>): JsonSchema {
  const schema: JsonSchema = z.toJSONSchema(definition.schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // Loading refuses unknown keys in every table, however its schema was made.
      const { def } = zodSchema._zod;
      if (def.type === 'object' && def.catchall === undefined) jsonSchema.additionalProperties = false;
    },
  });
  for (const alias of definition.aliases ?? []) addAlias(schema, alias);
  return { title: `${definition.service}.toml`, ...schema };
}

function addAlias(root: JsonSchema, { from, to }: Alias): void {
  let target: JsonSchema | undefined = root;
  for (const key of to) target = propertyOf(target, key);
  if (target === undefined) return;
  let parent = root;
  for (const key of from.slice(0, -1)) {
    parent.properties ??= {};
    parent.properties[key] ??= { type: 'object', properties: {}, additionalProperties: false };
    const next = propertyOf(parent, key);
    if (next === undefined) return;
    parent = next;
  }
  parent.properties ??= {};
  const { default: _default, ...rest } = target;
  parent.properties[from.at(-1) ?? ''] = { ...rest, deprecated: true, description: `The same as ${to.join('.')}.` };
}

function propertyOf(schema: JsonSchema | undefined, key: string): JsonSchema | undefined {
  const property = schema?.properties?.[key];
  return typeof property === 'object' ? property : undefined;
}
