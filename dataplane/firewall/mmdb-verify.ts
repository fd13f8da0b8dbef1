import { setImmediate as nextTurn } from 'node:timers/promises';
import { RECORD_FIELDS, type Mmdb } from './mmdb.ts';
import { MmdbFormatError } from './mmdb-fields.ts';

/** Fields that all records together may hold: a few seconds of work, ten times the richest database. */
const TOTAL_FIELDS = 200_000_000;
/** How many nodes are checked before other work of the thread gets its turn: milliseconds, tens of them in a City database. */
const NODES_PER_TURN = 4096;
const UNVISITED = 0;
const IN_PROGRESS = 255;

/**
 * Walks the whole search tree and every data record that it leads to. Throws MmdbFormatError when an edge leaves the tree or
 * the data section, when a path is longer than an address, when a record doesn't decode, and when no record tells a
 * country. Linear in the size of the file; yields between slices.
 */
export async function verifyMmdb(db: Mmdb): Promise<void> {
  await verifyPaths(db);
  await verifyRecords(db);
}

/**
 * Depth first with the height of each finished subtree, which is visited once though several edges may lead to it (the
 * aliases of the IPv4 space). The stack is no deeper than an address has bits.
 */
async function verifyPaths(db: Mmdb): Promise<void> {
  const { nodeCount, ipVersion } = db.meta;
  const maxDepth = ipVersion === 4 ? 32 : 128;
  const heights = new Uint8Array(nodeCount);
  const height = (record: number): number => (record < nodeCount ? (heights[record] ?? UNVISITED) : 0);
  const stack = [0];
  heights[0] = IN_PROGRESS;
  for (let steps = 1; stack.length > 0; steps++) {
    const node = stack.at(-1) ?? 0;
    const left = db.child(node, 0);
    const right = db.child(node, 1);
    const next = isOpen(left) ? left : isOpen(right) ? right : -1;
    if (next !== -1) {
      if (stack.length === maxDepth) throw new MmdbFormatError(`its search tree is deeper than ${maxDepth} bits`);
      heights[next] = IN_PROGRESS;
      stack.push(next);
    } else {
      const below = Math.max(height(left), height(right));
      if (below === IN_PROGRESS) throw new MmdbFormatError('its search tree has a loop');
      if (below + stack.length > maxDepth) throw new MmdbFormatError(`its search tree is deeper than ${maxDepth} bits`);
      heights[node] = below + 1;
      stack.pop();
    }
    if (steps % NODES_PER_TURN === 0) await nextTurn();
  }

  function isOpen(record: number): boolean {
    return record < nodeCount && heights[record] === UNVISITED;
  }
}

async function verifyRecords(db: Mmdb): Promise<void> {
  const { nodeCount } = db.meta;
  const seen = new Set<number>();
  let remaining = TOTAL_FIELDS;
  let countries = 0;
  for (let node = 0; node < nodeCount; node++) {
    for (let bit = 0; bit < 2; bit++) {
      const record = db.child(node, bit);
      if (record <= nodeCount || seen.has(record)) continue;
      seen.add(record);
      const granted = Math.min(RECORD_FIELDS, remaining);
      const budget = { fields: granted };
      db.checkRecord(record, budget);
      if (db.country(record, budget) !== null) countries++;
      remaining -= granted - budget.fields;
    }
    if (node % NODES_PER_TURN === NODES_PER_TURN - 1) await nextTurn();
  }
  if (countries === 0) {
    throw new MmdbFormatError(`it is of type ${db.meta.type} and tells no country; Country, City and Enterprise do`);
  }
}
