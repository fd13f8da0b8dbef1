import type { ConfigPath } from './types.ts';
import { endOfLine, endOfScalar, endOfString, scanKey, skipBlanks, skipVoid } from './toml-lexer.ts';
import type { KeyPart, Span } from './toml-lexer.ts';

/** Where a key and its value stand. A table's value is its header; of several definitions the first one counts. */
export interface TomlNode {
  key: Span | null;
  value: Span | null;
  readonly children: Map<string, TomlNode>;
  readonly items: TomlNode[];
}

/** A header or a key with its value. `path` is null where the key could not be read. */
export interface Statement {
  readonly kind: 'table' | 'array-of-tables' | 'pair';
  readonly start: number;
  readonly end: number;
  /** False where the statement does not end as it should; `end` is then only a guess. */
  readonly complete: boolean;
  readonly path: ConfigPath | null;
  /** The table in which the statement stands; for a header the table it opens. */
  readonly table: ConfigPath;
}

export interface TomlMap {
  readonly root: TomlNode;
  readonly statements: readonly Statement[];
}

// Deeper nesting is refused by the parser too; the bound keeps recursion off the stack's end.
export const maxNesting = 32;

/** Maps every key of a TOML document to its place, in one pass. Never throws; what follows a mistake may be off. */
export function mapToml(text: string): TomlMap {
  const root = newNode(null);
  const statements: Statement[] = [];
  let table: Cursor = { node: root, path: [] };
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;

  for (at = skipVoid(text, at); at < text.length; at = skipVoid(text, at)) {
    const start = at;
    if (text[at] === '[') {
      const isArray = text[at + 1] === '[';
      const close = isArray ? ']]' : ']';
      const key = scanKey(text, at + close.length);
      const kind = isArray ? 'array-of-tables' : 'table';
      const closed = key !== null && text.startsWith(close, key.end);
      if (key !== null && closed) {
        const header = { offset: start, length: key.end + close.length - start };
        table = openTable(root, key.parts, isArray, header);
        at = key.end + close.length;
      }
      const rest = lineRest(text, at);
      statements.push({
        kind,
        start,
        end: rest.end,
        complete: closed && rest.clean,
        path: closed ? table.path : null,
        table: table.path,
      });
      at = rest.end;
    } else {
      const key = scanKey(text, at);
      if (key === null || text[key.end] !== '=') {
        const end = endOfLine(text, at);
        statements.push({ kind: 'pair', start, end, complete: false, path: null, table: table.path });
        at = end;
        continue;
      }
      const target = descend(table, key.parts);
      const value = scanValue(text, skipBlanks(text, key.end + 1), target.node, 0);
      const rest = lineRest(text, value.end);
      statements.push({
        kind: 'pair',
        start,
        end: rest.end,
        complete: value.ok && rest.clean,
        path: target.path,
        table: table.path,
      });
      at = rest.end;
    }
  }
  return { root, statements };
}

/** The node of a path, or of its longest prefix that exists; `depth` is that prefix's length. */
export function findNode(root: TomlNode, path: ConfigPath): { node: TomlNode; depth: number } {
  let node = root;
  for (const [depth, step] of path.entries()) {
    const next: TomlNode | undefined = typeof step === 'number' ? node.items[step] : node.children.get(step);
    if (next === undefined) return { node, depth };
    node = next;
  }
  return { node, depth: path.length };
}

export function newNode(key: Span | null): TomlNode {
  return { key, value: null, children: new Map(), items: [] };
}

interface Cursor {
  node: TomlNode;
  path: ConfigPath;
}

function openTable(root: TomlNode, parts: readonly KeyPart[], isArray: boolean, header: Span): Cursor {
  let cursor: Cursor = { node: root, path: [] };
  for (const part of isArray ? parts.slice(0, -1) : parts) cursor = lastItem(step(cursor, part));
  const last = parts.at(-1);
  if (isArray && last !== undefined) {
    const array = step(cursor, last);
    const item = newNode(header);
    cursor = { node: item, path: [...array.path, array.node.items.length] };
    array.node.value ??= header;
    array.node.items.push(item);
  }
  cursor.node.value ??= header;
  return cursor;
}

function descend(table: Cursor, parts: readonly KeyPart[]): Cursor {
  let cursor = table;
  for (const part of parts) cursor = step(cursor, part);
  return cursor;
}

function step(cursor: Cursor, part: KeyPart): Cursor {
  let child = cursor.node.children.get(part.name);
  if (child === undefined) {
    child = newNode({ offset: part.offset, length: part.length });
    cursor.node.children.set(part.name, child);
  }
  return { node: child, path: [...cursor.path, part.name] };
}

/** `[listeners.routes]` after `[[listeners]]` speaks of the last listener. */
function lastItem(cursor: Cursor): Cursor {
  const last = cursor.node.items.at(-1);
  return last === undefined ? cursor : { node: last, path: [...cursor.path, cursor.node.items.length - 1] };
}

interface ValueScan {
  end: number;
  ok: boolean;
}

function scanValue(text: string, from: number, node: TomlNode, depth: number): ValueScan {
  const isNew = node.value === null;
  const scan = scanValueParts(text, from, isNew ? node : newNode(null), depth);
  if (isNew) node.value = { offset: from, length: scan.end - from };
  return scan;
}

function scanValueParts(text: string, from: number, node: TomlNode, depth: number): ValueScan {
  const first = text[from];
  if (depth > maxNesting) return { end: endOfLine(text, from), ok: false };
  if (first === '[') return scanArray(text, from, node, depth);
  if (first === '{') return scanInlineTable(text, from, node, depth);
  if (first === '"' || first === "'") {
    const end = endOfString(text, from);
    if (end !== -1) return { end, ok: true };
    const isMultiline = text.startsWith(first.repeat(3), from);
    return { end: isMultiline ? text.length : endOfLine(text, from), ok: false };
  }
  const end = endOfScalar(text, from);
  return { end, ok: end > from };
}

function scanArray(text: string, from: number, node: TomlNode, depth: number): ValueScan {
  let at = skipVoid(text, from + 1);
  while (at < text.length) {
    if (text[at] === ']') return { end: at + 1, ok: true };
    const item = newNode(null);
    const value = scanValue(text, at, item, depth + 1);
    if (!value.ok) return value;
    node.items.push(item);
    at = skipVoid(text, value.end);
    if (text[at] === ',') at = skipVoid(text, at + 1);
    else if (text[at] !== ']') return { end: at, ok: false };
  }
  return { end: text.length, ok: false };
}

function scanInlineTable(text: string, from: number, node: TomlNode, depth: number): ValueScan {
  let at = skipVoid(text, from + 1);
  while (at < text.length) {
    if (text[at] === '}') return { end: at + 1, ok: true };
    const key = scanKey(text, at);
    if (key === null || text[key.end] !== '=') return { end: at, ok: false };
    const target = descend({ node, path: [] }, key.parts);
    const value = scanValue(text, skipBlanks(text, key.end + 1), target.node, depth + 1);
    if (!value.ok) return value;
    at = skipVoid(text, value.end);
    if (text[at] === ',') at = skipVoid(text, at + 1);
    else if (text[at] !== '}') return { end: at, ok: false };
  }
  return { end: text.length, ok: false };
}

/** The end of the line that `from` stands in, and whether only blanks and a comment come before it. */
function lineRest(text: string, from: number): { end: number; clean: boolean } {
  const at = skipBlanks(text, from);
  const clean = at >= text.length || text[at] === '\n' || text[at] === '\r' || text[at] === '#';
  return { end: endOfLine(text, at), clean };
}
