// Pieces of Markdown that reports are made of.

/** Each note once, with whom it is said of. */
export function groupNotes(
  said: readonly (readonly [of: string, note: string])[],
): [note: string, of: string[]][] {
  const groups = new Map<string, Set<string>>();
  for (const [of, note] of said) groups.set(note, (groups.get(note) ?? new Set()).add(of));
  return [...groups].map(([note, of]) => [note, [...of]]);
}

export function markdownTable([header, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header!), line(header!.map(() => "---")), ...rows.map(line)].join("\n");
}

export const percent = (share: number): string => (100 * share).toFixed(1);
export const sentence = (text: string): string =>
  `${text[0]!.toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
