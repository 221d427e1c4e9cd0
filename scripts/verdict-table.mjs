// The demo's last table: what `flowglyph classify` said of each class's held-out captures, from its CSV.
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { parse } from "csv-parse/sync";

const verdicts = parse(readFileSync(process.argv[2], "utf8"), { columns: true });
const truths = [...new Set(verdicts.map((verdict) => basename(dirname(verdict.capture))))].sort();
const rows = truths.map((truth) => {
  const own = verdicts.filter((verdict) => basename(dirname(verdict.capture)) === truth);
  const right = own.filter((verdict) => verdict.class === truth).length;
  const wrong = new Map();
  for (const { class: name } of own) if (name !== truth) wrong.set(name, (wrong.get(name) ?? 0) + 1);
  const mistakes = [...wrong].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`);
  return [truth, String(own.length), String(right), mistakes.join(", ")];
});
const table = [["held-out captures of", "sessions", "right", "taken for"], ...rows];
const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column].length)));
for (const [truth, sessions, right, mistakes] of table) {
  console.log(
    `${truth.padEnd(widths[0])}  ${sessions.padStart(widths[1])}  ${right.padStart(widths[2])}  ${mistakes}`.trimEnd(),
  );
}
const right = rows.reduce((sum, row) => sum + Number(row[2]), 0);
console.log(
  `\n${right} of ${verdicts.length} held-out sessions right (${((100 * right) / verdicts.length).toFixed(1)} %)`,
);
