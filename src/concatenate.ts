// Typed arrays end to end.

/** `parts` in one array of their kind: `concatenate(Float32Array, [a, b])`. */
export function concatenate<Numbers extends Float32Array | Uint32Array>(
  kind: new (length: number) => Numbers,
  parts: readonly Numbers[],
): Numbers {
  const result = new kind(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
