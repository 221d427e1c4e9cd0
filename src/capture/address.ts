// Addresses of sessions as text.

/**
 * The address of a row in an address column (uint8 [count, 16]; IPv4 in the first 4 bytes). IPv6 as RFC 5952 section 4:
 * lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`,
 * IPv4-mapped addresses with a dotted tail.
 */
export function formatAddress(ipVersion: number, column: Uint8Array, row: number): string {
  const at = row * 16;
  if (ipVersion === 4) return dotted(column, at);
  const groups = Array.from({ length: 8 }, (_, i) => column[at + 2 * i]! * 256 + column[at + 2 * i + 1]!);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${dotted(column, at + 12)}`;
  }
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

function dotted(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    i = Math.max(i, end);
  }
  return best;
}
