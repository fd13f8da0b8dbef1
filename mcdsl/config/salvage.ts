import type { z } from 'zod';
import { toPath } from './issues.ts';
import { schemaAt, standInOf } from './schema-walk.ts';
import type { AnySchema } from './schema-walk.ts';
import { copyTree, getAt, isTable } from './tables.ts';
import type { ConfigPath } from './types.ts';

export interface Salvage<T> {
  config: T;
  /** What was left out, as paths of the document. */
  dropped: ConfigPath[];
  /** Turns a path of `config` into one of the document: elements of arrays may have been left out. */
  toDocument(path: ConfigPath): ConfigPath;
}

const maxRounds = 8;

/**
 * Leaves out what zod refuses, with defaults or stand-ins in its place, else with the table around it, until the rest is valid:
 * so that checks across fields can run on the remaining settings and all mistakes are reported at once.
 * Null where too little is left.
 */
export function salvage<S extends z.ZodObject>(schema: S, data: unknown): Salvage<z.output<S>> | null {
  const copy = copyTree(data);
  const dropped: ConfigPath[] = [];
  // Element i of the shortened array was element originals[i] of the document.
  const stoodIn = new Set<string>();
  const originals = new Map<readonly unknown[], number[]>();

  const toDocument = (path: ConfigPath): ConfigPath => {
    let value: unknown = copy;
    return path.map((step) => {
      const original = typeof step === 'number' && Array.isArray(value) ? (originals.get(value)?.[step] ?? step) : step;
      value = getAt(value, [step]);
      return original;
    });
  };

  for (let round = 0; round < maxRounds; round++) {
    const parsed = schema.safeParse(copy);
    if (parsed.success) return { config: parsed.data, dropped, toDocument };
    const targets = new Map<string, ConfigPath>();
    for (const issue of parsed.error.issues) {
      const path = toPath(issue.path);
      if (putStandIn(schema, copy, path, stoodIn)) {
        dropped.push(toDocument(path));
        continue;
      }
      const target = droppable(copy, path);
      if (target === null) return null;
      targets.set(JSON.stringify(target), target);
    }
    for (const target of [...targets.values()].toSorted(laterFirst)) {
      dropped.push(toDocument(target));
      drop(copy, target, originals);
    }
  }
  return null;
}

/** True where a required text could be replaced; tried once for each, so that a wrong stand-in cannot loop. */
function putStandIn(schema: AnySchema, data: unknown, path: ConfigPath, stoodIn: Set<string>): boolean {
  const own = schemaAt(schema, path);
  const text = own === null || own._zod.optin !== undefined ? null : standInOf(own);
  const parent = getAt(data, path.slice(0, -1));
  const key = path.at(-1);
  const id = JSON.stringify(path);
  if (text === null || !isTable(parent) || typeof key !== 'string' || stoodIn.has(id)) return false;
  stoodIn.add(id);
  parent[key] = text;
  return true;
}

/** The path itself where it is in the data, else (a required key is missing) the table or element around it. */
function droppable(data: unknown, path: ConfigPath): ConfigPath | null {
  for (let length = path.length; length > 0; length--) {
    const candidate = path.slice(0, length);
    if (getAt(data, candidate) !== undefined) return candidate;
  }
  return null;
}

function drop(data: unknown, path: ConfigPath, originals: Map<readonly unknown[], number[]>): void {
  const parent = getAt(data, path.slice(0, -1));
  const last = path.at(-1);
  if (Array.isArray(parent) && typeof last === 'number') {
    const indexes = originals.get(parent) ?? [...parent.keys()];
    indexes.splice(last, 1);
    originals.set(parent, indexes);
    parent.splice(last, 1);
  } else if (isTable(parent) && typeof last === 'string') {
    delete parent[last];
  }
}

/** Later elements and inner paths first, so that the indexes of those still to come stay right. */
function laterFirst(a: ConfigPath, b: ConfigPath): number {
  for (const [index, step] of a.entries()) {
    const other = b[index];
    if (step === other) continue;
    if (other === undefined) return -1;
    if (typeof step === 'number' && typeof other === 'number') return other - step;
    return String(step) < String(other) ? -1 : 1;
  }
  return a.length === b.length ? 0 : 1;
}
