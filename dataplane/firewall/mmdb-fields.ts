/**
 * The fields of a MaxMind DB data section (format 2.0, https://maxmind.github.io/MaxMind-DB/), read in place: no object is
 * built for what is not asked for, nothing recurses, and every step is paid from a budget, so hostile data ends in an error.
 */
export interface Fields {
  /** The offset of the value of `key` in the map at `offset`, or -1. Offsets count from the start of the file. */
  valueOf(offset: number, key: Buffer, budget: Budget): number;
  /** A string value; null when the field is something else. */
  text(offset: number): string | null;
  /** An unsigned integer value of up to 64 bits; null when the field is something else. */
  integer(offset: number): number | null;
  /** The offset behind the field; throws when it, or a field within it, leaves the section. */
  skip(offset: number, budget: Budget): number;
}

export interface Budget {
  fields: number;
}

export class MmdbFormatError extends Error {
  override readonly name = 'MmdbFormatError';
  readonly code = 'mmdb_format';
}

const POINTER = 1;
const STRING = 2;
const DOUBLE = 3;
const BYTES = 4;
const UINT16 = 5;
const UINT32 = 6;
const MAP = 7;
const INT32 = 8;
const UINT64 = 9;
const UINT128 = 10;
const ARRAY = 11;
const BOOLEAN = 14;
const FLOAT = 15;

/** Reads the section [start, end) of the file; pointers count from `start`. */
export function createFields(file: Buffer, start: number, end: number): Fields {
  // The head of the field that was read last: one per reader instead of an object per field.
  let size = 0;
  let payload = 0;

  function need(offset: number, bytes: number): void {
    if (offset < start || offset + bytes > end) throw new MmdbFormatError(`a field at ${offset} leaves its section`);
  }

  /** Returns the type and leaves size and payload; of a pointer, its target and the offset behind it. */
  function readHead(offset: number): number {
    need(offset, 1);
    const control = file.readUInt8(offset);
    let at = offset + 1;
    let type = control >> 5;
    size = control & 31;
    if (type === POINTER) {
      readPointer(control, at);
      return POINTER;
    }
    if (type === 0) {
      need(at, 1);
      type = file.readUInt8(at) + 7;
      if (type === MAP) throw new MmdbFormatError(`the field at ${offset} has no type`);
      at++;
    }
    if (size >= 29) {
      const width = size - 28;
      need(at, width);
      size = (SIZE_BASE[width] ?? 0) + file.readUIntBE(at, width);
      at += width;
    }
    payload = at;
    checkSize(type, offset);
    return type;
  }

  function readPointer(control: number, at: number): void {
    const width = ((control >> 3) & 3) + 1;
    need(at, width);
    const high = width === 4 ? 0 : (control & 7) * 256 ** width;
    size = start + high + file.readUIntBE(at, width) + (POINTER_BASE[width] ?? 0);
    payload = at + width;
    need(size, 1);
  }

  function checkSize(type: number, offset: number): void {
    const max = MAX_BYTES[type];
    if (max === undefined) throw new MmdbFormatError(`the field at ${offset} has the unknown type ${type}`);
    if (size > max) throw new MmdbFormatError(`the field at ${offset} is too long for its type`);
    if (type !== MAP && type !== ARRAY && type !== BOOLEAN) need(payload, size);
  }

  /** As readHead, through at most one pointer: the format forbids a pointer to a pointer. */
  function readTarget(offset: number): number {
    const type = readHead(offset);
    if (type !== POINTER) return type;
    const target = readHead(size);
    if (target === POINTER) throw new MmdbFormatError(`the pointer at ${offset} leads to a pointer`);
    return target;
  }

  function skip(offset: number, budget: Budget): number {
    let at = offset;
    for (let pending = 1; pending > 0; pending--) {
      if (budget.fields-- <= 0) throw new MmdbFormatError('a record has too many fields');
      const type = readHead(at);
      at = payload;
      if (type === MAP) pending += size * 2;
      else if (type === ARRAY) pending += size;
      else if (type !== POINTER && type !== BOOLEAN) at += size;
    }
    return at;
  }

  return {
    skip,

    valueOf(offset, key, budget) {
      if (readTarget(offset) !== MAP) return -1;
      let at = payload;
      for (let pairs = size; pairs > 0; pairs--) {
        if (readTarget(at) !== STRING) throw new MmdbFormatError(`the map at ${offset} has a key that is no string`);
        const same = size === key.length && file.compare(key, 0, size, payload, payload + size) === 0;
        const value = skip(at, budget);
        if (same) return value;
        at = skip(value, budget);
      }
      return -1;
    },

    text(offset) {
      return readTarget(offset) === STRING ? file.toString('utf8', payload, payload + size) : null;
    },

    integer(offset) {
      const type = readTarget(offset);
      if (type !== UINT16 && type !== UINT32 && type !== UINT64) return null;
      let value = 0;
      for (let i = 0; i < size; i++) value = value * 256 + file.readUInt8(payload + i);
      return value;
    },
  };
}

/** By the number of bytes that extend a size or hold a pointer. */
const SIZE_BASE: readonly number[] = [0, 29, 285, 65_821];
const POINTER_BASE: readonly number[] = [0, 0, 2048, 526_336, 0];

/** What a type may be long at most; for maps and arrays in entries. A type that isn't here is unknown. */
const MAX_BYTES: Readonly<Record<number, number>> = {
  [STRING]: 16_843_036,
  [DOUBLE]: 8,
  [BYTES]: 16_843_036,
  [UINT16]: 2,
  [UINT32]: 4,
  [MAP]: 16_843_036,
  [INT32]: 4,
  [UINT64]: 8,
  [UINT128]: 16,
  [ARRAY]: 16_843_036,
  [BOOLEAN]: 1,
  [FLOAT]: 4,
};
