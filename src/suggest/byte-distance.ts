// How far two images are apart: at how many places their bytes differ (Hamming). Bytes are symbols; that 6 is near 7 means
// nothing.
import { IMAGE_BYTES } from "../dataset/types.ts";

/** Whole number from 0 to 784. */
export function bytesApart(a: Uint8Array, aRow: number, b: Uint8Array, bRow: number): number {
  const [i, j] = [aRow * IMAGE_BYTES, bRow * IMAGE_BYTES];
  let same = 0;
  for (let k = 0; k < IMAGE_BYTES; k++) same += Number(a[i + k] === b[j + k]);
  return IMAGE_BYTES - same;
}
