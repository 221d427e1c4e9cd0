// A folder of plain IDX files with seeded bytes, written without flowglyph's own writer.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Labels go 0, 1, 0, 1, ...; every image differs. */
export function writeIdxFixture(
  folder: string,
  counts: { readonly train: number; readonly t10k: number },
): void {
  for (const [part, count] of Object.entries(counts)) {
    const images = Buffer.alloc(16 + count * 784);
    for (const [i, value] of [0x803, count, 28, 28].entries()) images.writeUInt32BE(value, 4 * i);
    for (let i = 16; i < images.length; i++) images[i] = (i * 31 + part.length * 7 + (i >> 8)) & 255;
    writeFileSync(join(folder, `${part}-images-idx3-ubyte`), images);
    const labels = Buffer.alloc(8 + count);
    labels.writeUInt32BE(0x801, 0);
    labels.writeUInt32BE(count, 4);
    for (let i = 0; i < count; i++) labels[8 + i] = i % 2;
    writeFileSync(join(folder, `${part}-labels-idx1-ubyte`), labels);
  }
}
