// From a hash to a slot: open addressing with linear probing in one Int32Array, pairs (hash, slot + 1). Deletion moves
// later entries back, so look-ups stay short however many sessions come and go.

export class SessionIndex {
  /** Pairs of hash and slot + 1; 0 in the second is an empty entry. */
  entries = new Int32Array(2 << 16);
  /** Entries, less one: a power of two, less one. */
  mask = (1 << 16) - 1;
  private size = 0;

  insert(hash: number, slot: number): void {
    if (++this.size * 2 > this.mask + 1) this.grow();
    this.place(hash, slot);
  }

  private place(hash: number, slot: number): void {
    const { entries, mask } = this;
    let i = hash & mask;
    while (entries[2 * i + 1] !== 0) i = (i + 1) & mask;
    entries[2 * i] = hash;
    entries[2 * i + 1] = slot + 1;
  }

  private grow(): void {
    const old = this.entries;
    this.entries = new Int32Array(old.length * 2);
    this.mask = old.length - 1;
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) this.place(old[i]!, old[i + 1]! - 1);
  }

  erase(hash: number, slot: number): void {
    const { entries, mask } = this;
    --this.size;
    let hole = hash & mask;
    while (entries[2 * hole + 1] !== slot + 1) hole = (hole + 1) & mask;
    for (let i = (hole + 1) & mask; entries[2 * i + 1] !== 0; i = (i + 1) & mask) {
      // An entry may fill the hole if that does not put it before its home.
      if (((i - entries[2 * i]!) & mask) >= ((i - hole) & mask)) {
        entries[2 * hole] = entries[2 * i]!;
        entries[2 * hole + 1] = entries[2 * i + 1]!;
        hole = i;
      }
    }
    entries[2 * hole + 1] = 0;
  }
}
