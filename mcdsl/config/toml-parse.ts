import { parse, TomlError } from 'smol-toml';
import type { LineIndex } from './lines.ts';
import { endOfLine, endOfString, scanKey, skipBlanks, startOfLine } from './toml-lexer.ts';
import { findNode, mapToml, maxNesting } from './toml-map.ts';
import type { Statement, TomlMap } from './toml-map.ts';
import type { ConfigPath, Problem } from './types.ts';

export interface ParsedToml {
  /** The document without its broken statements; null where too little of it could be read. */
  data: Record<string, unknown> | null;
  map: TomlMap;
  problems: Problem[];
  /** Keys whose statements were left out, so that nobody calls them missing. */
  broken: ConfigPath[];
}

const maxSyntaxProblems = 20;

/**
 * Parses TOML and reports every syntax mistake and duplicate key, not only the first: a broken statement is
 * blanked, which keeps all offsets, and the rest is parsed again. Never throws.
 */
export function parseToml(text: string, lines: LineIndex): ParsedToml {
  const problems: Problem[] = [];
  const broken: ConfigPath[] = [];
  let rest = text;
  for (;;) {
    const map = mapToml(rest);
    const outcome = tryParse(rest);
    if (outcome.ok) {
      if (nestingOf(outcome.data) <= maxNesting * 2) return { data: outcome.data, map, problems, broken };
      problems.push(problem(lines, 0, 1, `the document is nested more than ${maxNesting} levels deep`));
      return { data: null, map, problems, broken };
    }
    const offset = lines.offset(outcome.error.line, outcome.error.column);
    const statement = map.statements.findLast((candidate) => candidate.start <= offset) ?? null;
    problems.push(describeError(rest, lines, map, outcome.error, offset, statement));
    if (statement !== null) broken.push(statement.path ?? guessedPath(rest, statement));

    const [from, to] = brokenRange(rest, map, statement, offset);
    const blanked = rest.slice(from, to).replace(/[^\n\r]|\r(?!\n)/g, ' ');
    if (blanked === rest.slice(from, to) || problems.length >= maxSyntaxProblems) {
      problems.push(
        problem(lines, offset, 1, 'too many syntax errors; correct these first, what follows was not read'),
      );
      return { data: null, map, problems, broken };
    }
    rest = rest.slice(0, from) + blanked + rest.slice(to);
  }
}

type ParseOutcome = { ok: true; data: Record<string, unknown> } | { ok: false; error: TomlError };

function tryParse(text: string): ParseOutcome {
  try {
    return { ok: true, data: parse(text, { maxDepth: maxNesting }) };
  } catch (error) {
    if (error instanceof TomlError) return { ok: false, error };
    throw error;
  }
}

/**
 * The stretch to leave out. A header takes its whole section along, since its keys would otherwise seem to
 * belong to the section before.
 */
function brokenRange(text: string, map: TomlMap, statement: Statement | null, offset: number): [number, number] {
  if (statement === null) return [startOfLine(text, offset), endOfLine(text, offset)];
  if (statement.kind !== 'pair') return [statement.start, endOfSection(text, map, statement)];
  if (statement.complete && statement.end >= offset) return [statement.start, statement.end];
  const value = statement.path === null ? null : findNode(map.root, statement.path).node.value;
  const isBracketed = value !== null && '[{'.includes(text.charAt(value.offset));
  return [statement.start, isBracketed ? nextStatement(text, statement, offset) : endOfLine(text, offset)];
}

/** The first line from `offset` on that looks like a statement again: an unclosed bracket is taken to end there. */
function nextStatement(text: string, statement: Statement, offset: number): number {
  let line = startOfLine(text, offset);
  while (line < text.length && (line <= statement.start || !looksLikeStatement(text, line)))
    line = endOfLine(text, line) + 1;
  return Math.min(line, text.length);
}

function endOfSection(text: string, map: TomlMap, header: Statement): number {
  const names = headerNames(text, header);
  const next = map.statements.find((candidate) => {
    if (candidate.kind === 'pair' || candidate.start <= header.start) return false;
    const other = headerNames(text, candidate);
    return names.length === 0 || other.length <= names.length || !names.every((name, index) => other[index] === name);
  });
  return next?.start ?? text.length;
}

function headerNames(text: string, header: Statement): string[] {
  const key = scanKey(text, header.start + (text[header.start + 1] === '[' ? 2 : 1));
  return key === null ? [] : key.parts.map((part) => part.name);
}

function guessedPath(text: string, statement: Statement): ConfigPath {
  if (statement.kind === 'pair') {
    const key = scanKey(text, statement.start);
    return key === null ? statement.table : [...statement.table, ...key.parts.map((part) => part.name)];
  }
  return headerNames(text, statement);
}

function looksLikeStatement(text: string, lineStart: number): boolean {
  const start = skipBlanks(text, lineStart);
  if (text[start] === '[')
    return /^\[{1,2}[^[\]]+\]{1,2}[ \t]*(?:#|\r?$)/m.test(text.slice(start, endOfLine(text, start)));
  const key = scanKey(text, start);
  // A colon is no TOML, but whoever writes one means a key.
  return key !== null && (text[key.end] === '=' || text[key.end] === ':');
}

function describeError(
  text: string,
  lines: LineIndex,
  map: TomlMap,
  error: TomlError,
  offset: number,
  statement: Statement | null,
): Problem {
  const reason = /^Invalid TOML document: (.*)$/m.exec(error.message)?.[1] ?? error.message;
  if (reason.includes('redefine') && statement !== null && statement.path !== null) {
    return describeDuplicate(text, lines, map, offset, statement, statement.path);
  }
  const unclosed = describeUnclosed(text, lines, map, offset, statement);
  if (unclosed !== null) return unclosed;
  const value =
    statement?.kind === 'pair' && statement.path !== null ? findNode(map.root, statement.path).node.value : null;
  const bare = value === null ? '' : text.slice(value.offset, value.offset + value.length);
  if (value !== null && bareText.test(bare)) {
    const found = problem(lines, value.offset, value.length, notAValue);
    return { ...found, path: statement?.path ?? [], expected: valueExpected, suggestion: JSON.stringify(bare) };
  }
  const token = /^[^\s,\]}#=]+/.exec(text.slice(offset, offset + 200))?.[0] ?? '';
  const found = problem(lines, offset, token.length, reason === 'invalid value' ? notAValue : reason);
  found.path = statement?.path ?? [];
  if (reason === 'invalid value') {
    found.expected = valueExpected;
    if (bareText.test(token)) found.suggestion = JSON.stringify(token);
  } else if (statement?.kind === 'pair' && statement.path === null) {
    found.expected = 'key = value, a [section] or a # comment';
  }
  if (statement !== null && startOfLine(text, offset) > statement.start) {
    found.related = {
      place: lines.place({ offset: statement.start, length: 1 }),
      message: 'in the statement that begins',
    };
  }
  return found;
}

const notAValue = 'this is not a TOML value';
// What is probably a string whose quotes were forgotten: info, 5s, 10.0.0.1, /srv/x.
const bareText = /^(?![0-9]+$)[A-Za-z0-9/.:][\w./:@-]*$/;
const valueExpected = 'a string in quotes, a number, true, false, or an array in [ ]';

/** A forgotten bracket or quote shows only later, but it is the opening one that the operator looks for. */
function describeUnclosed(
  text: string,
  lines: LineIndex,
  map: TomlMap,
  offset: number,
  statement: Statement | null,
): Problem | null {
  if (statement?.kind !== 'pair' || statement.complete || statement.path === null) return null;
  const value = findNode(map.root, statement.path).node.value;
  const opening = value === null ? '' : text.charAt(value.offset);
  if (value === null || !Object.hasOwn(closings, opening)) return null;
  const isString = opening === '"' || opening === "'";
  const isAtEnd = offset >= text.trimEnd().length;
  const isOpen = isString
    ? endOfString(text, value.offset) === -1
    : isAtEnd || nextStatement(text, statement, offset) === startOfLine(text, offset);
  if (!isOpen) return null;
  const { what, close } = closings[opening as keyof typeof closings];
  const found = problem(lines, value.offset, 1, `this ${what} is not closed`);
  return { ...found, path: statement.path, expected: close };
}

const closings = {
  '[': { what: 'array', close: 'a closing ]' },
  '{': { what: 'inline table', close: 'a closing }' },
  '"': { what: 'string', close: 'a closing "' },
  "'": { what: 'string', close: "a closing '" },
} as const;

function describeDuplicate(
  text: string,
  lines: LineIndex,
  map: TomlMap,
  offset: number,
  statement: Statement,
  path: ConfigPath,
): Problem {
  const what = text.slice(offset, endOfLine(text, offset));
  const name =
    statement.kind === 'pair'
      ? (scanKey(what, 0)
          ?.parts.map((part) => part.name)
          .join('.') ?? '')
      : headerNames(text, statement).join('.');
  const isHeader = statement.kind !== 'pair';
  const title = isHeader ? `section [${name}]` : `key "${name}"`;
  const found = problem(
    lines,
    isHeader ? statement.start : offset,
    isHeader ? statement.end - statement.start : name.length,
    `${title} is given twice`,
  );
  found.kind = 'duplicate';
  found.path = path;
  const names = typeof path.at(-1) === 'number' ? path.slice(0, -1) : path;
  const first = findNode(map.root, names).node;
  const span = first.key;
  if (span !== null && span.offset < offset) {
    found.related = { place: lines.place(span), message: 'first given' };
  }
  return found;
}

function problem(lines: LineIndex, offset: number, length: number, message: string): Problem {
  return {
    severity: 'error',
    kind: 'syntax',
    path: [],
    place: lines.place({ offset, length }),
    message,
    expected: null,
    suggestion: null,
    related: null,
  };
}

/** Breadth first, so that no depth can overflow the stack. */
function nestingOf(data: object): number {
  let level: object[] = [data];
  let depth = 0;
  while (level.length > 0) {
    depth++;
    level = level.flatMap((value) =>
      Object.values(value).filter((child): child is object => typeof child === 'object' && child !== null),
    );
    if (depth > maxNesting * 2) break;
  }
  return depth;
}
