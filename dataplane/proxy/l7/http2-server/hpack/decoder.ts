import { TEXT_CHARACTERS, TOKEN_CHARACTERS } from '../../http1/field-lines.ts';
import { CODE, ConnectionError } from '../protocol.ts';
import { DynamicTable } from './dynamic-table.ts';
import { decodeHuffman } from './huffman.ts';
import { STATIC_TABLE } from './static-table.ts';

/** What a decoder remembers for its peer unless told otherwise (RFC 9113 §6.5.2), and we never tell. */
const TABLE_BYTES = 4096;
/** RFC 9113 §6.5.2: what a field of a header list counts beside its name and value. */
const FIELD_BYTES = 32;
const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;

const staticNames = STATIC_TABLE.map(([name]) => name);
const staticValues = STATIC_TABLE.map(([, value]) => value);

/** Texts of the block at hand as they are decoded; a block has at most 9 frames of 16 KiB, and 8 bits are never more than 8/5 symbols. */
let scratch: Buffer = Buffer.allocUnsafeSlow(4096);

export interface FieldListLimits {
  readonly maxFields: number;
  /** As RFC 9113 §6.5.2 counts. */
  readonly maxBytes: number;
}

/**
 * Reads the field blocks of one connection (RFC 7541). A block beyond the limits is read to its end all the same, because the next
 * one builds on it, but is not kept: a reference of one byte may stand for 4 KiB.
 */
export class HpackDecoder {
  /** Of the last block: more than the limits, so that its list is not whole. */
  isTooLarge = false;
  /** Of the last block: a name or value that no field may have (RFC 9113 §8.2.1). */
  isMalformed = false;
  readonly #limits: FieldListLimits;
  readonly #table = new DynamicTable(TABLE_BYTES);
  #fields: string[] = [];
  #sizeBytes = 0;
  #bytes: Buffer = scratch;
  #at = 0;
  #end = 0;
  #isGood = true;

  constructor(limits: FieldListLimits) {
    this.#limits = limits;
  }

  /** Returns a raw list. Throws a ConnectionError when it is no block: nothing after it can be read. */
  decode(bytes: Buffer, from: number, to: number): string[] {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    this.#fields = [];
    this.#sizeBytes = 0;
    this.isTooLarge = false;
    this.isMalformed = false;
    let mayResize = true;
    while (this.#at < to) {
      const first = bytes[this.#at] ?? 0;
      if (first >= 0x80) this.#indexed(this.#integer(7));
      else if (first >= 0x40) this.#literal(this.#integer(6), true);
      else if (first < 0x20) this.#literal(this.#integer(4), false);
      else {
        // RFC 7541 §4.2: only before the first field.
        if (!mayResize || !this.#table.resize(this.#integer(5))) throw broken('table size');
        continue;
      }
      mayResize = false;
    }
    return this.#fields;
  }

  #indexed(index: number): void {
    if (index === 0) throw broken('index 0');
    if (index <= staticNames.length) {
      return this.#keep(staticNames[index - 1] ?? '', staticValues[index - 1] ?? '', true);
    }
    const stored = this.#stored(index);
    this.#keep(this.#table.nameAt(stored), this.#table.valueAt(stored), this.#table.isGoodAt(stored));
  }

  #literal(nameIndex: number, isStored: boolean): void {
    this.#isGood = true;
    let name: string;
    if (nameIndex === 0) {
      name = this.#text();
      if (!isFieldName(name)) this.#isGood = false;
    } else if (nameIndex <= staticNames.length) name = staticNames[nameIndex - 1] ?? '';
    else {
      const stored = this.#stored(nameIndex);
      name = this.#table.nameAt(stored);
      if (!isFieldName(name)) this.#isGood = false;
    }
    const value = this.#text();
    if (!isFieldValue(value)) this.#isGood = false;
    if (isStored) this.#table.add(name, value, this.#isGood);
    this.#keep(name, value, this.#isGood);
  }

  #keep(name: string, value: string, isGood: boolean): void {
    if (!isGood) this.isMalformed = true;
    if (this.isTooLarge) return;
    this.#sizeBytes += name.length + value.length + FIELD_BYTES;
    if (this.#sizeBytes > this.#limits.maxBytes || this.#fields.length >= this.#limits.maxFields * 2) {
      this.isTooLarge = true;
      return;
    }
    this.#fields.push(name, value);
  }

  #stored(index: number): number {
    const stored = index - staticNames.length - 1;
    if (stored >= this.#table.length) throw broken('index beyond the tables');
    return stored;
  }

  /** RFC 7541 §5.1. Nothing in a block is longer than the block. */
  #integer(prefixBits: number): number {
    const max = (1 << prefixBits) - 1;
    let value = this.#byte() & max;
    if (value < max) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw broken('integer');
  }

  /** RFC 7541 §5.2. */
  #text(): string {
    const isHuffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw broken('string');
    if (!isHuffman) return this.#bytes.toString('latin1', from, this.#at);
    if (scratch.length < length * 2) scratch = Buffer.allocUnsafeSlow(length * 2);
    const decoded = decodeHuffman(this.#bytes, from, this.#at, scratch);
    if (decoded < 0) throw broken('Huffman code');
    return scratch.toString('latin1', 0, decoded);
  }

  #byte(): number {
    if (this.#at >= this.#end) throw broken('end');
    return this.#bytes[this.#at++] ?? 0;
  }
}

function broken(what: string): ConnectionError {
  return new ConnectionError(CODE.compressionError, `HPACK: ${what}`);
}

/** RFC 9113 §8.2.1, and for pseudo-headers a colon before it. */
function isFieldName(name: string): boolean {
  let i = name.charCodeAt(0) === COLON ? 1 : 0;
  if (i === name.length) return false;
  for (; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (TOKEN_CHARACTERS[code] !== 1 || (code >= 0x41 && code <= 0x5a)) return false;
  }
  return true;
}

function isFieldValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  for (let i = 0; i < length; i++) if (TEXT_CHARACTERS[value.charCodeAt(i)] !== 1) return false;
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(length - 1));
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
