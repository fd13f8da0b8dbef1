import { describe, expect, it } from 'vitest';
import { configJsonSchema } from './index.ts';
import { example } from './test/example.ts';

describe('the JSON Schema of a configuration', () => {
  const schema = configJsonSchema(example) as unknown as Record<string, Record<string, Record<string, unknown>>>;
  const properties = schema['properties'] as Record<string, { properties: Record<string, unknown> }>;

  it('describes what is written: durations and sizes as strings with a pattern', () => {
    expect(properties['proxy']?.properties['connect_timeout']).toEqual({
      type: 'string',
      default: '5s',
      description: 'a duration such as "250ms", "5s", "1m30s" or "12h"',
      pattern: '^(0|([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+)$',
    });
    expect(properties['proxy']?.properties['hello_max']).toMatchObject({ type: 'string', default: '16KiB' });
    expect(properties['firewall']?.properties['rate_limit']).toMatchObject({ type: 'integer', default: 0, minimum: 0 });
  });

  it('lets sections with defaults be left out, and nothing unknown in', () => {
    expect(schema).toMatchObject({ title: 'mc-proxy.toml', required: ['database'], additionalProperties: false });
    const open: string[] = [];
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      if ('properties' in value && (value as Record<string, unknown>)['additionalProperties'] !== false)
        open.push(path);
      for (const [key, child] of Object.entries(value)) walk(child, `${path}/${key}`);
    };
    walk(schema, '');
    expect(open).toEqual([]);
  });

  it('knows the aliases', () => {
    expect(properties['grpc']).toEqual({
      type: 'object',
      additionalProperties: false,
      properties: { addr: { type: 'string', deprecated: true, description: 'The same as admin.socket.' } },
    });
  });
});
