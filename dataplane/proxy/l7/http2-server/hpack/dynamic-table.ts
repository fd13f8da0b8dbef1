/** RFC 7541 §4.1: what an entry counts beside its name and value. */
const ENTRY_BYTES = 32;

/** RFC 7541 §2.3.2: the fields last stored, at most `maxBytes` of them; the oldest go. Cost: an index for each operation, no copying. */
export class DynamicTable {
  readonly #limitBytes: number;
  readonly #mask: number;
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  readonly #areGood: boolean[] = [];
  #maxBytes: number;
  #sizeBytes = 0;
  #length = 0;
  /** Of the entry stored next. */
  #next = 0;

  /** `limitBytes`: what the table may be set to at most; a power of two. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#maxBytes = limitBytes;
    this.#mask = limitBytes / ENTRY_BYTES - 1;
  }

  get length(): number {
    return this.#length;
  }

  /** False: more than the limit. */
  resize(maxBytes: number): boolean {
    if (maxBytes > this.#limitBytes) return false;
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
    return true;
  }

  /** `isGood`: name and value are such that a field may have. */
  add(name: string, value: string, isGood: boolean): void {
    const sizeBytes = name.length + value.length + ENTRY_BYTES;
    // RFC 7541 §4.4: one larger than the table empties it and is no error.
    this.#evict(Math.max(0, this.#maxBytes - sizeBytes));
    if (sizeBytes > this.#maxBytes) return;
    const slot = this.#next++ & this.#mask;
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.#areGood[slot] = isGood;
    this.#sizeBytes += sizeBytes;
    this.#length++;
  }

  /** `index`: 0 for the entry stored last, below `length`. */
  nameAt(index: number): string {
    return this.#names[(this.#next - 1 - index) & this.#mask] ?? '';
  }

  valueAt(index: number): string {
    return this.#values[(this.#next - 1 - index) & this.#mask] ?? '';
  }

  isGoodAt(index: number): boolean {
    return this.#areGood[(this.#next - 1 - index) & this.#mask] === true;
  }

  #evict(toBytes: number): void {
    while (this.#sizeBytes > toBytes) {
      const slot = (this.#next - this.#length) & this.#mask;
      this.#sizeBytes -= (this.#names[slot]?.length ?? 0) + (this.#values[slot]?.length ?? 0) + ENTRY_BYTES;
      this.#names[slot] = '';
      this.#values[slot] = '';
      this.#length--;
    }
  }
}
