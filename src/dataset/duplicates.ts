// Equal images among rows of one array.
import { imageWords } from "./image-hash.ts";
import { ImageIndex } from "./image-index.ts";

/** The rows of `candidates` whose image equals, byte for byte, that of a row of `others`. */
export function findCopiesOf(images: Uint8Array, others: Uint32Array, candidates: Uint32Array): Uint32Array {
  const words = imageWords(images);
  // The candidates are indexed, as they are the fewer; `copied` marks those that some other row equals.
  const firstOf: number[] = [];
  const index = new ImageIndex((id) => ({ words, row: firstOf[id]! }));
  const idOf = new Int32Array(candidates.length);
  for (const [i, row] of candidates.entries()) {
    const found = index.findOrAdd(words, row);
    idOf[i] = found >= 0 ? found : firstOf.push(row) - 1;
  }
  const copied = new Uint8Array(firstOf.length);
  for (const row of others) {
    const found = index.find(words, row);
    if (found >= 0) copied[found] = 1;
  }
  return candidates.filter((_, i) => copied[idOf[i]!] === 1);
}
