// Images in blocks: how a dataset grows while captures are read. Writers take blocks, so that the images are in memory once.
import { type Dataset, IMAGE_BYTES } from "./types.ts";

/** A dataset whose images lie in several arrays, each uint8 [blockRows, 784], the last one shorter. */
export interface BlockedDataset extends Omit<Dataset, "images"> {
  readonly blocks: readonly Uint8Array[];
  readonly blockRows: number;
}

export function asBlocks(dataset: Dataset | BlockedDataset): BlockedDataset {
  if ("blocks" in dataset) return dataset;
  const { images, ...rest } = dataset;
  return { ...rest, blocks: [images], blockRows: Math.max(1, dataset.count) };
}

/** The images of ascending rows; neighbours come in one piece of at most ~1 MiB. Views, not copies. */
export function* imageRuns(dataset: BlockedDataset, rows: ArrayLike<number>): Generator<Uint8Array> {
  const longest = 1337; // images in 1 MiB
  for (let i = 0; i < rows.length; ) {
    const first = rows[i]!;
    const block = Math.floor(first / dataset.blockRows);
    const blockEnd = (block + 1) * dataset.blockRows;
    let end = i + 1;
    while (
      end < rows.length &&
      end - i < longest &&
      rows[end] === rows[end - 1]! + 1 &&
      rows[end]! < blockEnd
    )
      end++;
    const from = first - block * dataset.blockRows;
    yield dataset.blocks[block]!.subarray(from * IMAGE_BYTES, (from + end - i) * IMAGE_BYTES);
    i = end;
  }
}
