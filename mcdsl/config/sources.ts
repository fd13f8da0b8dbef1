import type { LineIndex } from './lines.ts';
import { findNode } from './toml-map.ts';
import type { TomlNode } from './toml-map.ts';
import type { ConfigPath, ConfigSources, Place, PlacePart, Problem, ProblemKind, ReportDetails } from './types.ts';

/** Sources that also know which settings came from the environment. */
export interface MutableSources extends ConfigSources {
  override(path: ConfigPath, variable: string): void;
}

export function createSources(file: string, lines: LineIndex, root: TomlNode): MutableSources {
  const overrides = new Map<string, string>();

  const variableOf = (path: ConfigPath): string | undefined => {
    for (let length = path.length; length > 0; length--) {
      const name = overrides.get(pathKey(path.slice(0, length)));
      if (name !== undefined) return name;
    }
    return undefined;
  };

  return {
    file,
    override: (path, variable) => void overrides.set(pathKey(path), variable),
    place(path: ConfigPath, part: PlacePart = 'value'): Place {
      const name = variableOf(path);
      if (name !== undefined) return { kind: 'variable', name };
      const { node, depth } = findNode(root, path);
      const isKeyWanted = part === 'key' && depth === path.length;
      const span = isKeyWanted ? (node.key ?? node.value) : (node.value ?? node.key);
      return span === null ? { kind: 'file', file } : lines.place(span);
    },
  };
}

/** Sources of a file that could not be read at all. */
export function emptySources(file: string): ConfigSources {
  return { file, place: () => ({ kind: 'file', file }) };
}

export function makeProblem(
  sources: ConfigSources,
  kind: ProblemKind,
  path: ConfigPath,
  message: string,
  details: ReportDetails = {},
): Problem {
  const { related } = details;
  return {
    severity: details.severity ?? 'error',
    kind,
    path,
    place: sources.place(path, details.at),
    message,
    expected: details.expected ?? null,
    suggestion: details.suggestion ?? null,
    related: related === undefined ? null : { place: sources.place(related.path), message: related.message },
  };
}

/** `in [firewall]`, `in [[listeners]]` or `at the top level`, for messages. */
export function inTable(path: ConfigPath): string {
  const table = tableText(path);
  return table === '' ? 'at the top level' : `in ${table}`;
}

/** `listeners[0].routes[1].backend`, for messages. */
export function pathText(path: ConfigPath): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${keyText(step)}`))
    .join('');
}

/** `[firewall]`, `[[listeners.routes]]`, or nothing for the document itself, for messages. */
export function tableText(path: ConfigPath): string {
  const names = path.filter((step) => typeof step === 'string').map(keyText);
  if (names.length === 0) return '';
  return typeof path.at(-1) === 'number' ? `[[${names.join('.')}]]` : `[${names.join('.')}]`;
}

export function startsWith(path: ConfigPath, prefix: ConfigPath): boolean {
  return prefix.length <= path.length && prefix.every((step, index) => path[index] === step);
}

/** Bare where TOML allows it, else quoted. */
export function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}

function pathKey(path: ConfigPath): string {
  return JSON.stringify(path);
}
