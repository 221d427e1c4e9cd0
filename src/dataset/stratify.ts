// Shares of a whole among classes by the largest-remainder method (Hamilton), with a floor and a cap for each class.
// Deterministic: ties go to the class with the smaller number.

/**
 * Splits `total` among classes in proportion to `sizes`. Each class gets at least `floor` (or all it may give) where the
 * total allows it, and at most `caps[i]`.
 * @returns whole numbers that add up to min(total, sum of caps).
 */
export function proportionalShares(
  sizes: readonly number[],
  total: number,
  options: { readonly caps?: readonly number[]; readonly floor?: number } = {},
): number[] {
  const caps = options.caps ?? sizes;
  const whole = sizes.reduce((sum, size) => sum + size, 0);
  const budget = Math.min(
    total,
    caps.reduce((sum, cap) => sum + cap, 0),
  );
  if (whole === 0 || budget === 0) return sizes.map(() => 0);
  const exact = sizes.map((size) => (size / whole) * budget);
  const floors = caps.map((cap) => Math.min(options.floor ?? 0, cap));
  const floorsFit = floors.reduce((sum, floor) => sum + floor, 0) <= budget;
  const lowest = floorsFit ? floors : sizes.map(() => 0);
  const shares = exact.map((share, i) => Math.min(Math.max(Math.floor(share), lowest[i]!), caps[i]!));
  const classes = shares.map((_, i) => i);
  let left = budget - shares.reduce((sum, share) => sum + share, 0);
  // One at a time to (or, where floors took too much, from) the class that is furthest below (above) its exact share.
  while (left !== 0) {
    const step = Math.sign(left);
    const movable = classes.filter((i) => (step > 0 ? shares[i]! < caps[i]! : shares[i]! > lowest[i]!));
    const need = (i: number): number => step * (exact[i]! - shares[i]!);
    const chosen = movable.reduce((best, i) => (need(i) > need(best) ? i : best));
    shares[chosen]! += step;
    left -= step;
  }
  return shares;
}
