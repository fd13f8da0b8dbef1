import type { z } from 'zod';
import { applyAliases } from './aliases.ts';
import { applyEnvironment, environmentSettings } from './environment.ts';
import { describeIssues } from './issues.ts';
import { createLineIndex } from './lines.ts';
import { readConfigFile } from './read-file.ts';
import { salvage } from './salvage.ts';
import { createSources, emptySources, makeProblem, startsWith } from './sources.ts';
import { copyTree, deepFreeze } from './tables.ts';
import { parseToml } from './toml-parse.ts';
import { removeUnknownKeys } from './unknown-keys.ts';
import type {
  ConfigDefinition,
  ConfigPath,
  ConfigSources,
  Environment,
  Frozen,
  LoadResult,
  Problem,
  Reporter,
} from './types.ts';

/** Declares a service's configuration. Throws where two keys would share one environment variable. */
export function defineConfig<S extends z.ZodObject>(definition: ConfigDefinition<S>): ConfigDefinition<S> {
  environmentSettings(definition.service, definition.schema, definition.aliases ?? []);
  return Object.freeze({ ...definition });
}

/** Reads, checks and freezes a configuration file. Never throws for anything in the file or the environment. */
export function loadConfigFile<S extends z.ZodObject>(
  definition: ConfigDefinition<S>,
  file: string,
  env: Environment = process.env,
): LoadResult<z.output<S>> {
  const read = readConfigFile(file);
  if (read.ok) return loadConfigText(definition, { file, text: read.text, env });
  const sources = emptySources(file);
  const reason = read.line === null ? read.reason : `${read.reason}; line ${read.line} is the first that is not`;
  const details = read.expected === null ? {} : { expected: read.expected };
  return { ok: false, problems: [makeProblem(sources, 'file', [], reason, details)], sources };
}

/**
 * As `loadConfigFile`, of text that is at hand; `file` is the name to show. Without `env` nothing is overridden.
 * Steps: syntax → aliases → environment → unknown keys → schema → checks across fields. Each goes on with what the
 * one before could save, so that every mistake is reported at once.
 */
export function loadConfigText<S extends z.ZodObject>(
  definition: ConfigDefinition<S>,
  input: { file: string; text: string; env?: Environment },
): LoadResult<z.output<S>> {
  const { schema, aliases = [] } = definition;
  const lines = createLineIndex(input.file, input.text);
  const parsed = parseToml(input.text, lines);
  const sources = createSources(input.file, lines, parsed.map.root);
  if (parsed.data === null) return { ok: false, problems: inOrder(parsed.problems), sources };

  const data = copyTree(parsed.data);
  const aliasProblems = applyAliases(aliases, schema, data, parsed.map.root, sources);
  const envProblems = applyEnvironment(definition, input.env ?? {}, data, sources);
  const unknown = removeUnknownKeys(schema, data, sources);
  const result = schema.safeParse(data);
  const excused = [...parsed.broken, ...unknown.meant];
  const issues = result.success ? [] : describeIssues(result.error.issues, { schema, data, sources, excused });
  const before = [...parsed.problems, ...aliasProblems, ...envProblems, ...unknown.problems, ...issues];

  const saved = salvage(schema, data);
  const partial = before.some((problem) => problem.severity === 'error');
  const problems = inOrder([...before, ...(saved === null ? [] : runCheck(definition, saved, sources, partial))]);
  if (saved === null || problems.some((problem) => problem.severity === 'error'))
    return { ok: false, problems, sources };
  return { ok: true, config: saved.config as Frozen<z.output<S>>, warnings: problems, sources };
}

function runCheck<S extends z.ZodObject>(
  definition: ConfigDefinition<S>,
  saved: { config: z.output<S>; dropped: readonly ConfigPath[]; toDocument(path: ConfigPath): ConfigPath },
  sources: ConfigSources,
  partial: boolean,
): Problem[] {
  const problems: Problem[] = [];
  deepFreeze(saved.config);
  const add: (...args: Parameters<Reporter>) => void = (path, message, details = {}) => {
    const at = saved.toDocument(path);
    // A check that stumbles over a setting that was left out would report its mistake a second time.
    if (saved.dropped.some((dropped) => startsWith(at, dropped))) return;
    const related = details.related;
    const moved = related === undefined ? {} : { related: { ...related, path: saved.toDocument(related.path) } };
    problems.push(makeProblem(sources, 'check', at, message, { ...details, ...moved }));
  };
  definition.check?.(saved.config, Object.assign(add, { partial }));
  return problems;
}

/** As in the file, from top to bottom; problems of the whole file first, of the environment last. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const rank = ({ place }: Problem): [number, number] => {
    switch (place.kind) {
      case 'file':
        return [0, 0];
      case 'line':
        return [place.line, place.column];
      case 'variable':
        return [Infinity, 0];
      default:
        return place satisfies never;
    }
  };
  return problems.toSorted((a, b) => {
    const [lineA, columnA] = rank(a);
    const [lineB, columnB] = rank(b);
    return lineA === lineB ? columnA - columnB : lineA - lineB;
  });
}
