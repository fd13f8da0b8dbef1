import { parseListenAddress, formatAddress } from './addresses.ts';
import { childSchema, describeSchema, kindOf, shapeOf, unwrap } from './schema-walk.ts';
import type { AnySchema } from './schema-walk.ts';
import { pathText } from './sources.ts';
import type { MutableSources } from './sources.ts';
import { nearest } from './suggest.ts';
import { getAt, setAt } from './tables.ts';
import type { Table } from './tables.ts';
import { quote } from './units.ts';
import type { Alias, Environment, Problem } from './types.ts';

interface Setting {
  path: readonly string[];
  schema: AnySchema;
}

function variablePrefix(service: string): string {
  return `${variableName([service])}_`;
}

/**
 * The environment variables that a schema takes, by name: one for each key of its sections whose value is no table,
 * and for each alias of such a key. Throws where two keys would share a name, which is the schema's mistake.
 */
export function environmentSettings(
  service: string,
  schema: AnySchema,
  aliases: readonly Alias[],
): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  const add = (name: string, setting: Setting): void => {
    const other = settings.get(name);
    if (other !== undefined)
      throw new Error(`${pathText(other.path)} and ${pathText(setting.path)} share the variable ${name}`);
    settings.set(name, setting);
  };
  for (const setting of settingsOf(schema, [])) add(variablePrefix(service) + variableName(setting.path), setting);
  for (const alias of aliases) {
    const setting = settings.get(variablePrefix(service) + variableName(alias.to));
    if (setting !== undefined) add(variablePrefix(service) + variableName(alias.from), setting);
  }
  return settings;
}

/** Puts the environment's settings over the file's, in `data` and `sources`; `$PORT` and `$PORT_<NAME>` last. */
export function applyEnvironment(
  definition: { service: string; schema: AnySchema; aliases?: readonly Alias[] },
  env: Environment,
  data: Table,
  sources: MutableSources,
): Problem[] {
  const { service, schema, aliases = [] } = definition;
  const settings = environmentSettings(service, schema, aliases);
  const problems: Problem[] = [];
  for (const [name, text] of Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (text === undefined || !name.startsWith(variablePrefix(service))) continue;
    const setting = settings.get(name);
    if (setting === undefined) {
      problems.push(...describeUnknown(name, service, schema, [...settings.keys()]));
      continue;
    }
    const read = readText(setting.schema, text);
    if (!read.ok) {
      problems.push(
        variableProblem(name, setting.path, `${quote(text)} is not ${read.expected}`, describeSchema(setting.schema)),
      );
    } else if (setAt(data, setting.path, read.value)) {
      sources.override(setting.path, name);
    }
  }
  return [...problems, ...applyPorts(schema, env, data, sources)];
}

function settingsOf(schema: AnySchema, path: readonly string[]): Setting[] {
  return Object.entries(shapeOf(schema) ?? {}).flatMap(([key, child]): Setting[] => {
    const at = [...path, key];
    if (shapeOf(child) !== null) return settingsOf(child, at);
    return isReadable(child) ? [{ path: at, schema: child }] : [];
  });
}

function isReadable(schema: AnySchema): boolean {
  const kind = kindOf(schema);
  if (kind !== 'array') return ['string', 'number', 'boolean', 'enum', 'literal', 'union'].includes(kind);
  const element = childSchema(schema, 0);
  return element !== null && kindOf(element) !== 'array' && isReadable(element);
}

type Read = { ok: true; value: unknown } | { ok: false; expected: string };

/** A variable's text as the value that the file would hold. */
function readText(schema: AnySchema, text: string): Read {
  const { def } = unwrap(schema)._zod;
  switch (def.type) {
    case 'number': {
      const isNumber = /^[+-]?[0-9]+(\.[0-9]+)?$/.test(text);
      return isNumber ? { ok: true, value: Number(text) } : { ok: false, expected: 'a number' };
    }
    case 'boolean':
      if (text === 'true' || text === 'false') return { ok: true, value: text === 'true' };
      return { ok: false, expected: '"true" or "false"' };
    case 'array': {
      const items = text.trim() === '' ? [] : text.split(',').map((item) => readText(def.element, item.trim()));
      const wrong = items.find((item) => !item.ok);
      return wrong ?? { ok: true, value: items.map((item) => (item.ok ? item.value : null)) };
    }
    case 'union': {
      // The narrower kinds first: every text is a string.
      const options = def.options.toSorted((a, b) => Number(kindOf(a) === 'string') - Number(kindOf(b) === 'string'));
      return (
        options.map((option) => readText(option, text)).find((read) => read.ok) ?? {
          ok: false,
          expected: describeSchema(schema),
        }
      );
    }
    default:
      return { ok: true, value: text };
  }
}

function describeUnknown(name: string, service: string, schema: AnySchema, known: readonly string[]): Problem[] {
  const rest = name.slice(variablePrefix(service).length);
  const section = Object.keys(shapeOf(schema) ?? {}).find((key) => rest.startsWith(`${variableName([key])}_`));
  // Variables of other programs may share the prefix (mcp and mcp-agent), so only those of a section are doubtful.
  if (section === undefined) return [];
  const meant = nearest(name, known);
  const problem = variableProblem(
    name,
    [],
    `this variable sets nothing: [${section}] has no such key that a variable can set`,
    null,
  );
  return [{ ...problem, severity: 'warning', suggestion: meant }];
}

/** `$PORT` and `$PORT_REST` set the port of `[server] listen_addr`, `$PORT_<NAME>` that of `[server] <name>_addr`. */
function applyPorts(schema: AnySchema, env: Environment, data: Table, sources: MutableSources): Problem[] {
  const server = childSchema(schema, 'server');
  const keys = server === null ? [] : Object.keys(shapeOf(server) ?? {});
  return keys.flatMap((key): Problem[] => {
    if (!key.endsWith('_addr')) return [];
    const names =
      key === 'listen_addr' ? ['PORT_REST', 'PORT'] : [`PORT_${variableName([key.slice(0, -'_addr'.length)])}`];
    const name = names.find((candidate) => env[candidate] !== undefined);
    const text = name === undefined ? undefined : env[name];
    if (name === undefined || text === undefined) return [];
    const path = ['server', key];
    if (!/^[0-9]{1,5}$/.test(text) || Number(text) > 65535) {
      return [variableProblem(name, path, `${quote(text)} is not a port`, 'a number from 0 to 65535')];
    }
    const given = getAt(data, path);
    const address = typeof given === 'string' ? parseListenAddress(given) : null;
    // An address that is wrong in the file stays, so that its mistake is reported.
    if (given !== undefined && given !== '' && address?.ok !== true) return [];
    const host = address?.ok === true && address.value.kind === 'tcp' ? address.value.host : null;
    if (setAt(data, path, formatAddress({ kind: 'tcp', host, port: Number(text) }))) sources.override(path, name);
    return [];
  });
}

function variableProblem(name: string, path: readonly string[], message: string, expected: string | null): Problem {
  return {
    severity: 'error',
    kind: 'environment',
    path,
    place: { kind: 'variable', name },
    message,
    expected,
    suggestion: null,
    related: null,
  };
}

function variableName(path: readonly string[]): string {
  return path.map((step) => step.toUpperCase().replace(/[^A-Z0-9]/g, '_')).join('_');
}
