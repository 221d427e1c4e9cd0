// npm run bench:train. Checks that losses are equal, measures, prints, writes bench/results/train.{md,json}.
//   --quick           small batch, few rounds: that everything works, not how fast it is
//   --rounds N        default 5, in --quick 1
//   --batch N         default 256
//   --threads N       default all cores
//   --python PROGRAM  whose PyTorch to compare with; default the first of python3 and /usr/bin/python3 that has one
//   --torch           without tensorflow.js
//   --output NAME     bench/results/NAME.{md,json}; default train
//   --ours            flowglyph alone, twice the rounds: for profiling; nothing is written
//   --memory          memory over 1,000 steps instead of speed
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { circumstances, circumstancesLine } from "../capture/machine.ts";
import { type Agreement, compareLosses } from "./equality.ts";
import { memoryOverSteps, memoryText } from "./memory.ts";
import { Peer, type PeerRow } from "./peer.ts";
import { OURS, type Places, tensorflowPeer, torchPeers } from "./peers.ts";
import { goalsOf, goalTable, type Measured, speedTable } from "./report.ts";
import { measureTask, type Task } from "./rounds.ts";
import { type Workload, writeWorkload } from "./workload.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    ours: { type: "boolean", default: false },
    memory: { type: "boolean", default: false },
    rounds: { type: "string" },
    batch: { type: "string" },
    threads: { type: "string" },
    python: { type: "string" },
    torch: { type: "boolean", default: false },
    output: { type: "string", default: "train" },
    root: { type: "string", default: "." },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(
    "npm run bench:train -- [--quick] [--rounds N] [--batch N] [--threads N] [--python PROGRAM] [--torch] [--output NAME] [--ours] [--memory]",
  );
  process.exit(0);
}
const root = resolve(values.root);
const places: Places = {
  scripts: import.meta.dirname,
  sources: join(root, "bench/train"),
  peers: join(root, "bench/peers"),
};
const say = (text: string) => void process.stderr.write(`${text}\n`);
const threads = Number(values.threads ?? availableParallelism());
const batch = Number(values.batch ?? (values.quick ? 32 : 256));
const rounds = Number(values.rounds ?? (values.quick ? 1 : values.ours ? 10 : 5));
const sizes: Omit<Workload, "weights" | "batch" | "images"> = {
  threads,
  classes: 12,
  checkedSteps: 3,
  learningRate: 2e-4,
  dropout: 0.5,
};
const epochImages = 16 * batch;
const steps = values.quick ? 1 : 4;
// Plain JavaScript takes seconds an image: a batch of its own.
const smallBatch = 4;
const smallRounds = values.quick ? 1 : 3;

const where = circumstances(root);
const folder = mkdtempSync(join(tmpdir(), "flowglyph-bench-"));
const running: Peer[] = [];
try {
  if (values.memory) await measureMemory();
  else await measureSpeed();
} finally {
  for (const peer of running) peer.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Those of the rows that start, checked against the first one. */
async function startChecked(rows: readonly PeerRow[], agreements: Agreement[]): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const row of rows) {
    try {
      peers.push(await Peer.start(row));
    } catch (error) {
      if (peers.length === 0) throw error;
      say(`left out: ${(error as Error).message}`);
      continue;
    }
    running.push(peers.at(-1)!);
  }
  const ours = await peers[0]!.check();
  for (const peer of peers.slice(1)) {
    // bfloat16 keeps 8 significant bits of what it multiplies.
    const tolerance = peer.row.name.includes("bfloat16") ? 1e-2 : 1e-4;
    agreements.push(compareLosses(peer.row.name, await peer.check(), ours, tolerance));
  }
  return peers;
}

async function measureAll(tasks: readonly Task[], peers: readonly Peer[]): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const task of tasks) {
    const taking = peers.filter(({ row }) => task.steps !== undefined || !row.stepsAlone);
    measured.push({ task, rows: await measureTask(task, taking, say) });
  }
  return measured;
}

async function measureSpeed(): Promise<void> {
  const agreements: Agreement[] = [];
  const large = join(folder, "large");
  writeWorkload(large, { ...sizes, batch, images: epochImages });
  const rows = torchPeers(places, large, threads, say, values.python);
  const peers = await startChecked(values.ours ? rows.slice(0, 1) : rows, agreements);
  const measured = await measureAll(
    [
      { name: "adversarial step", phase: "adversarial", steps, rounds },
      { name: "supervised step", phase: "supervised", steps: 2 * steps, rounds },
      { name: "adversarial epoch", phase: "adversarial", steps: undefined, rounds: Math.ceil(rounds / 2) },
      { name: "supervised epoch", phase: "supervised", steps: undefined, rounds },
    ],
    peers,
  );
  const peaks = new Map<string, number>();
  for (const peer of peers) peaks.set(peer.row.name, (await peer.memory()).peak);
  const versions = new Map(peers.map((peer) => [peer.row.name, peer.version]));
  for (const peer of running.splice(0)) peer.stop();
  if (values.ours) {
    console.log(speedTable(measured, peaks));
    return;
  }

  const small = join(folder, "small");
  writeWorkload(small, { ...sizes, batch: smallBatch, images: smallBatch });
  const tensorflow = values.torch ? undefined : tensorflowPeer(places, small, say);
  const [oursRow] = torchPeers(places, small, threads, () => {}, values.python);
  const pair = tensorflow === undefined ? [] : await startChecked([oursRow!, tensorflow], agreements);
  const smallMeasured =
    pair.length < 2
      ? []
      : await measureAll(
          [
            { name: "adversarial step", phase: "adversarial", steps: 1, rounds: smallRounds },
            { name: "supervised step", phase: "supervised", steps: 1, rounds: smallRounds },
          ],
          pair,
        );
  const smallPeaks = new Map<string, number>();
  for (const peer of pair) {
    smallPeaks.set(peer.row.name, (await peer.memory()).peak);
    if (peer.row.name !== OURS) versions.set(peer.row.name, peer.version);
  }
  where.load.push(loadavg()[0]!);

  const goals = goalsOf(measured);
  const text = [
    "# The training step",
    "",
    `CLGAN, batch ${batch}, ${threads} threads, dropout 0.5, ${sizes.classes} classes; an epoch is ${epochImages.toLocaleString("en-US")} images through each`,
    "library's own loop (flowglyph: its trainer; PyTorch: DataLoader with shuffle). Each peer is one process, one works at a time, in turn,",
    `round by round, after a warm-up; medians of ${rounds} rounds (adversarial epochs: ${Math.ceil(rounds / 2)}). Processor time is that of all threads. Ratios are medians of each`,
    "round's ratio to flowglyph. Before anything was timed, each peer took three steps of each phase from the same weights, images and",
    "noise without dropout, and the losses had to agree:",
    "",
    ...agreements.map(
      ({ name, difference, tolerance }) =>
        `- ${name}: largest difference ${difference.toExponential(1)} (tolerance ${tolerance})`,
    ),
    "",
    goalTable(goals),
    "",
    speedTable(measured, peaks),
    "",
    ...rows.map(({ name, does }) => `- ${name} (${versions.get(name) ?? "did not start"}): ${does}`),
    "",
    ...(smallMeasured.length === 0
      ? [values.torch ? "Without tensorflow.js." : "tensorflow.js was not at hand."]
      : [
          `## tensorflow.js, batch ${smallBatch}`,
          "",
          `The CPU backend in plain JavaScript takes too long for a batch of ${batch}, so both have ${smallBatch} images a step here; ${smallRounds} rounds.`,
          "",
          speedTable(smallMeasured, smallPeaks),
          "",
          `- ${tensorflow!.name} (${versions.get(tensorflow!.name)}): ${tensorflow!.does}`,
        ]),
    "",
    circumstancesLine(where) + priorityNote(),
    "",
    `    ${commandLine()}`,
    "",
  ].join("\n");
  finish(values.output, text, { ...where, batch, threads, agreements, goals, measured, smallMeasured });
}

async function measureMemory(): Promise<void> {
  writeWorkload(folder, { ...sizes, batch, images: batch });
  const [row] = torchPeers(places, folder, threads, () => {}, values.python);
  const peer = await Peer.start(row!);
  running.push(peer);
  const samples = await memoryOverSteps(peer, values.quick ? 20 : 1000, say);
  where.load.push(loadavg()[0]!);
  const text = `${memoryText(samples, batch)}\n${circumstancesLine(where)}${priorityNote()}\n\n    npm run bench:train -- --memory\n`;
  finish("train-memory", text, { ...where, batch, threads, samples });
}

/** What to type for these figures; where that Python lies is each machine's own. */
function commandLine(): string {
  const given = process.argv.slice(2).filter((_, i, all) => ![all[i], all[i - 1]].includes("--root"));
  const told = given.map((word, i) => (given[i - 1] === "--python" ? "PYTHON" : word));
  return ["npm run bench:train", ...(told.length === 0 ? [] : ["--", ...told])].join(" ");
}

/** A share of the processors beyond the usual, which the load average does not show. */
function priorityNote(): string {
  const file = "/proc/self/autogroup";
  const nice = existsSync(file) ? / nice (-?\d+)/.exec(readFileSync(file, "utf8"))?.[1] : undefined;
  return nice === undefined || nice === "0"
    ? ""
    : ` All peers ran in a session of nice ${nice}, ahead of what else ran.`;
}

function finish(name: string, text: string, all: object): void {
  console.log(text);
  if (values.quick) return; // not the figures to keep
  const results = join(root, "bench/results");
  writeFileSync(join(results, `${name}.md`), text);
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(all, null, 2)}\n`);
}
