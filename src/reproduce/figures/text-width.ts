// How wide a text is, for the layout. Without a browser or a canvas Vega takes every letter for 0.8 em, half as wide again as
// it is, and leaves gaps and cuts labels short. Advance widths of Helvetica (Adobe font metrics, thousandths of an em), which
// Arial shares.

const ASCII =
  // space to /
  "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 " +
  // 0 to 9, : to @
  "556 556 556 556 556 556 556 556 556 556 278 278 584 584 584 556 1015 " +
  // A to Z
  "667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 611 " +
  // [ to `
  "278 278 278 469 556 333 " +
  // a to z
  "556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 " +
  // { to ~
  "334 260 334 584";
const WIDTHS = ASCII.split(" ").map(Number);
const FIRST = 0x20;
const OTHER = 556;
// Where neither is installed the viewer takes another font: DejaVu Sans, the usual one, is so much wider.
const ROOM = 1.15;

/** In the units of `fontSize`. */
export function textWidth(text: string, fontSize: number): number {
  let thousandths = 0;
  for (const letter of text) thousandths += WIDTHS[letter.codePointAt(0)! - FIRST] ?? OTHER;
  return (ROOM * thousandths * fontSize) / 1000;
}
