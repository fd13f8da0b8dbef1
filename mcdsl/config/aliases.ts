import { shapeOf } from './schema-walk.ts';
import type { AnySchema } from './schema-walk.ts';
import { makeProblem, tableText } from './sources.ts';
import { getAt, isTable, setAt } from './tables.ts';
import type { Table } from './tables.ts';
import { findNode, newNode } from './toml-map.ts';
import type { TomlNode } from './toml-map.ts';
import type { Alias, ConfigSources, Problem } from './types.ts';
import { unknownKeyProblem } from './unknown-keys.ts';

/** Moves settings from their second names to their first ones, in `data` and in `root`, both in place. */
export function applyAliases(
  aliases: readonly Alias[],
  schema: AnySchema,
  data: Table,
  root: TomlNode,
  sources: ConfigSources,
): Problem[] {
  const problems: Problem[] = [];
  for (const { from, to } of aliases) {
    const value = getAt(data, from);
    if (value === undefined) continue;
    const table = getAt(data, from.slice(0, -1));
    if (isTable(table)) delete table[from.at(-1) ?? ''];
    if (getAt(data, to) !== undefined) {
      const message = `${settingText(from)} and ${settingText(to)} are two names of one setting; keep one of them`;
      problems.push(
        makeProblem(sources, 'alias', from, message, { at: 'key', related: { path: to, message: 'also given' } }),
      );
    } else if (setAt(data, to, value)) {
      moveNode(root, from, to);
    }
  }
  const sections = new Set(aliases.map((alias) => alias.from[0] ?? ''));
  for (const section of sections) problems.push(...checkAliasSection(section, aliases, schema, data, sources));
  return problems;
}

/** A section that exists only for its aliases holds nothing else. */
function checkAliasSection(
  section: string,
  aliases: readonly Alias[],
  schema: AnySchema,
  data: Table,
  sources: ConfigSources,
): Problem[] {
  const table = getAt(data, [section]);
  const shape = shapeOf(schema);
  if (!isTable(table) || shape === null || Object.hasOwn(shape, section)) return [];
  delete data[section];
  const known = aliases.flatMap((alias) =>
    alias.from[0] === section && alias.from[1] !== undefined ? [alias.from[1]] : [],
  );
  return Object.keys(table).map((key) => unknownKeyProblem(sources, [section, key], known).problem);
}

function moveNode(root: TomlNode, from: readonly string[], to: readonly string[]): void {
  const source = findNode(root, from);
  if (source.depth < from.length) return;
  let parent = root;
  for (const step of to.slice(0, -1)) {
    const next = parent.children.get(step) ?? newNode(null);
    parent.children.set(step, next);
    parent = next;
  }
  parent.children.set(to.at(-1) ?? '', source.node);
}

function settingText(path: readonly string[]): string {
  return path.length === 1 ? `"${path[0]}"` : `${tableText(path.slice(0, -1))} ${path.at(-1)}`;
}
