// Ours against the tuned TypeScript, row by row: columns and images byte for byte, as sets; and ours against itself with
// other numbers of threads, in order. Prints JSON; what differs is told, and the exit code is 1.
//   node check-equality.js CAPTURE THREADS,THREADS,...
import { createHash } from "node:crypto";
import { type SessionBatch, sessions } from "../../src/capture/index.ts";
import { describeRow, digestOf, rowOfLibrary, rowOfTypeScript } from "./row-digests.ts";
import { typescriptSessions } from "./typescript/sessions.ts";

const SHOWN = 3;

type Rows = AsyncIterable<Buffer>;

async function* libraryRows(path: string, threads: number): Rows {
  for await (const batch of sessions(path, { threads }))
    for (let row = 0; row < batch.count; ++row) yield rowOfLibrary(batch, row);
}

async function* typescriptRows(path: string): Rows {
  for (const batch of typescriptSessions(path))
    for (let row = 0; row < batch.count; ++row) yield rowOfTypeScript(batch, row);
}

async function sortedDigests(rows: Rows): Promise<BigUint64Array> {
  let digests = new BigUint64Array(1024);
  let count = 0;
  for await (const row of rows) {
    if (count === digests.length) {
      const larger = new BigUint64Array(count * 2);
      larger.set(digests);
      digests = larger;
    }
    digests[count++] = digestOf(row);
  }
  return digests.subarray(0, count).sort();
}

/** What is in `some` and not in `others`; both are sorted. */
function missing(some: BigUint64Array, others: BigUint64Array): bigint[] {
  const left: bigint[] = [];
  let at = 0;
  for (const digest of some) {
    while (at < others.length && others[at]! < digest) ++at;
    if (others[at] === digest) ++at;
    else left.push(digest);
  }
  return left;
}

async function show(rows: Rows, wanted: readonly bigint[], name: string): Promise<void> {
  const set = new Set(wanted);
  let shown = 0;
  for await (const row of rows) {
    if (!set.has(digestOf(row))) continue;
    console.error(`only ${name}: ${describeRow(row)}`);
    if (++shown === SHOWN) break;
  }
}

/** Of all batches, every column, in order. */
async function streamDigest(path: string, threads: number): Promise<string> {
  const hash = createHash("sha256");
  const columns = (batch: SessionBatch) =>
    Object.entries(batch).filter(([, value]) => ArrayBuffer.isView(value));
  for await (const batch of sessions(path, { threads })) {
    for (const [name, column] of columns(batch)) hash.update(name).update(column as Uint8Array);
  }
  return hash.digest("hex");
}

const path = process.argv[2]!;
const threadCounts = (process.argv[3] ?? "1").split(",").map(Number);
const ours = await sortedDigests(libraryRows(path, threadCounts[0]!));
const theirs = await sortedDigests(typescriptRows(path));
const onlyOurs = missing(ours, theirs);
const onlyTheirs = missing(theirs, ours);
if (onlyOurs.length > 0) await show(libraryRows(path, threadCounts[0]!), onlyOurs, "ours");
if (onlyTheirs.length > 0) await show(typescriptRows(path), onlyTheirs, "the TypeScript's");
const streams = new Map<number, string>();
for (const threads of threadCounts) streams.set(threads, await streamDigest(path, threads));
const sameForThreads = new Set(streams.values()).size === 1;
console.log(
  JSON.stringify({
    rows: ours.length,
    onlyOurs: onlyOurs.length,
    onlyTheirs: onlyTheirs.length,
    threads: threadCounts,
    sameForThreads,
  }),
);
process.exitCode = onlyOurs.length + onlyTheirs.length > 0 || !sameForThreads ? 1 : 0;
