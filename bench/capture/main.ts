// npm run bench:capture. Generates, checks that results are equal, measures, prints, writes bench/results/capture.{md,json}.
//   --quick           small captures, few rounds: that everything works, not how fast it is
//   --data FOLDER     where captures are kept (default build/bench-data; 6 GB, with --memory 20 GB)
//   --rounds N        default 5, in --quick 2
//   --captures A,B    only these
//   --memory          only the memory of the 10 GB capture and of the flood
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CAPTURES, type Capture, generate } from "./captures.ts";
import { type CompareOptions, compare, startCosts } from "./compare.ts";
import { encodingRows, encodingTable } from "./encoding.ts";
import { circumstances, circumstancesLine } from "./machine.ts";
import { measure } from "./measure.ts";
import { memoryRows, memoryTable } from "./memory.ts";
import { allPeers, type Places, whyMissing } from "./peers.ts";
import { countNotes, goalsOf, goalTable, type Row, rowsOf, speedTable } from "./report.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    memory: { type: "boolean", default: false },
    data: { type: "string" },
    rounds: { type: "string" },
    captures: { type: "string" },
    root: { type: "string", default: "." },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log("npm run bench:capture -- [--quick] [--memory] [--data FOLDER] [--rounds N] [--captures A,B]");
  process.exit(0);
}
const root = resolve(values.root);
const places: Places = {
  native: join(root, "build/bench/bench/native"),
  scripts: import.meta.dirname,
  peersPackage: join(root, "bench/peers/package.json"),
};
const data = resolve(values.data ?? join(root, "build/bench-data"));
const generator = join(places.native, "flowglyph_generate_capture");
const options: CompareOptions = {
  rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
  tool: join(places.native, "flowglyph_measure"),
  say: (text) => process.stderr.write(`${text}\n`),
};
const results = join(root, "bench/results");
const where = circumstances(root);

if (values.memory) {
  const rows = memoryRows(data, values.quick, generator, places, options);
  where.load.push(loadavg()[0]!);
  const text = `# Memory\n\n${memoryTable(rows)}\n\n${circumstancesLine(where)}\n\n    npm run bench:capture -- --memory\n`;
  finish("capture-memory", text, { ...where, rows });
} else {
  const wanted = values.captures?.split(",");
  const specs = CAPTURES.filter(({ name }) => wanted === undefined || wanted.includes(name));
  const captures = specs.map((spec) => {
    options.say(`capture ${spec.name}: ${spec.what}`);
    return generate(spec, data, values.quick, generator);
  });
  for (const capture of captures) {
    options.say(`equality of results, ${capture.name}`);
    checkEquality(capture);
  }
  const peers = allPeers(places).filter((peer) => {
    const missing = whyMissing(peer, places);
    if (missing !== undefined) options.say(`left out: ${peer.name}: ${missing}`);
    return missing === undefined;
  });
  const tiny = { ...CAPTURES[0]!, sessions: 1 };
  const start = startCosts(peers, generate(tiny, data, false, generator), options);
  const rows = new Map<string, Row[]>();
  const notes: string[] = [];
  for (const capture of captures) {
    const measured = compare(capture, peers, start, options);
    rows.set(capture.name, rowsOf(capture, measured));
    notes.push(...countNotes(capture, measured));
  }
  const encoding = encodingRows(captures, places, options);
  where.load.push(loadavg()[0]!);
  const goals = goalsOf(rows);
  const sections = captures.map((capture, i) => {
    const { name, packets, bytes, tcpSessions, udpSessions, seconds } = capture;
    return (
      `## ${name}\n\n${specs[i]!.what}: ${packets.toLocaleString("en-US")} packets in ` +
      `${(tcpSessions + udpSessions).toLocaleString("en-US")} sessions, ${(bytes / 1e9).toFixed(2)} GB, ` +
      `${seconds.toFixed(0)} s of capture time.\n\n${speedTable(rows.get(name)!)}\n`
    );
  });
  const text = [
    "# Captures to sessions and images",
    "",
    "Every peer reads the same capture from the page cache, in turn, round by round; medians. Processor time is that of all threads,",
    "kernel part included, without what starting the program costs. Sessions, columns and images of flowglyph and of the tuned",
    "TypeScript were compared byte for byte before, and flowglyph's with 1, 2 and 4 threads.",
    "",
    goalTable([...goals, ...encoding.goals]),
    "",
    ...sections,
    "## Encoding alone",
    "",
    encodingTable(encoding.rows),
    "",
    "## Counts that differ",
    "",
    ...(notes.length > 0 ? notes.map((note) => `- ${note}`) : ["None."]),
    "",
    circumstancesLine(where),
    "",
    "    npm run bench:capture",
    "",
  ].join("\n");
  finish("capture", text, {
    ...where,
    goals: [...goals, ...encoding.goals],
    captures: Object.fromEntries(
      captures.map((capture) => [
        capture.name,
        { ...capture, path: undefined, rows: rows.get(capture.name) },
      ]),
    ),
    encoding: encoding.rows,
    notes,
  });
}

function checkEquality(capture: Capture): void {
  const run = measure(options.tool, [
    process.execPath,
    join(places.scripts, "check-equality.js"),
    capture.path,
    "1,2,4",
  ]);
  const { rows } = JSON.parse(run.output) as { rows: number };
  const written = capture.tcpSessions + capture.udpSessions;
  if (rows !== written) throw new Error(`Expected ${written} sessions in ${capture.name} but found ${rows}`);
}

function finish(name: string, text: string, all: object): void {
  console.log(text);
  if (values.quick || values.captures !== undefined) return; // not the figures to keep
  writeFileSync(join(results, `${name}.md`), text);
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(all, null, 2)}\n`);
}
