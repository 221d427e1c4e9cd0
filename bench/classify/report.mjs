// The Markdown of a run.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const whole = (value) => Math.round(value).toLocaleString("en-US");
const mebibytes = (bytes) => whole(bytes / 2 ** 20);

export function classifyReport(run) {
  const { model, contenders, sweep, best, python, memory, distilled, pipeline, seconds, rounds, root } = run;
  const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: root,
    encoding: "utf8",
  }).trim();
  const metadata = modelName(model);
  const of = (contender, field) => median(contender.results.map((result) => result[field]));
  const rival = contenders[2];
  const rows = contenders.map((contender) => {
    // Turn by turn beside the rival of the same round: what else the machine did fell on both.
    const ratio = median(contender.results.map(({ perSecond }, i) => perSecond / rival.results[i].perSecond));
    const { workers, batch } = contender.results[0].setting;
    const name = workers
      ? `${contender.name} (${workers} worker${workers > 1 ? "s" : ""}, batch ${batch}: calibrated)`
      : contender.name;
    return [
      name,
      whole(of(contender, "perSecond")),
      ratio.toFixed(2),
      of(contender, "delayP50").toFixed(1),
      of(contender, "delayP99").toFixed(1),
      of(contender, "delayMax").toFixed(0),
      mebibytes(of(contender, "rss")),
    ];
  });
  if (python) {
    const name = `Python onnxruntime ${python.version}, best (batch ${python.batch}, ${python.threads} threads)`;
    rows.push([
      name,
      whole(python.perSecond),
      (python.perSecond / of(rival, "perSecond")).toFixed(2),
      "",
      "",
      "",
      "",
    ]);
  }
  const threads = [...new Set(sweep.map((setting) => setting.threads))];
  const batches = [...new Set(sweep.map((setting) => setting.batch))];
  return `${[
    "# Classifying: sessions a second, and what the calling thread feels of it",
    "",
    `\`npm run bench:classify\`: ${metadata}; ${rounds} rounds of ${seconds} s each, turn by turn, each contender in a process of its own;`,
    `medians. All gave the same verdicts (to 1e-5) before they were timed. The ratio is to the best of the sweep in the same round.`,
    `Delay: of the calling thread's event loop (\`perf_hooks.monitorEventLoopDelay\`, 1 ms), the timer's own millisecond taken off.`,
    "",
    "| | sessions a second | ratio | delay ms, median | delay ms, p99 | longest | peak MiB |",
    "|---|---|---|---|---|---|---|",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
    "",
    python ? "" : "Python's onnxruntime could not be imported here.\n",
    ...(distilled ? [`Distilled: ${distilledWords(distilled)}.\n`] : []),
    ...(pipeline.length > 0 ? pipelineSection(pipeline) : []),
    "## The sweep: onnxruntime-node, sessions a second",
    "",
    `| batch | ${threads.map((n) => `${n} thread${n > 1 ? "s" : ""}`).join(" | ")} |`,
    `|---|${threads.map(() => "---|").join("")}`,
    ...batches.map((batch) => {
      const cells = threads.map((n) =>
        whole(sweep.find((s) => s.threads === n && s.batch === batch).perSecond),
      );
      return `| ${batch}${batch === best.batch ? " *" : ""} | ${cells.join(" | ")} |`;
    }),
    "",
    ...(memory ? loadsSection(memory.points) : []),
    `Machine: ${availableParallelism()} cores of ${cpus()[0].model}, ${whole(totalmem() / 2 ** 30)} GiB; Node ${process.version}; onnxruntime-node ${version}; commit ${commit}; ${new Date().toISOString().slice(0, 10)}.`,
  ].join("\n")}\n`;
}

function loadsSection(points) {
  return [
    "## Models loaded, used and closed, one after the other",
    "",
    `| loads | ${points.map(({ turn }) => turn).join(" | ")} |`,
    `|---|${points.map(() => "---|").join("")}`,
    `| MiB | ${points.map(({ rss }) => mebibytes(rss)).join(" | ")} |`,
    "",
  ];
}

/** What the file says of itself, on the test part that it never learned from. */
function distilledWords(path) {
  const text = readFileSync(path, "latin1");
  const [, json] = /"distilled":(\{.*?\}\})/.exec(text) ?? [];
  if (json === undefined) return modelName(path);
  const { teacher, arithmetic, test } = JSON.parse(json);
  const percent = (share) => (100 * share).toFixed(2);
  return `${modelName(path)}, ${arithmetic}; accuracy ${percent(test.student)} %, the teacher's (${teacher.model}) ${percent(test.teacher)} %; ${percent(test.same)} % of ${whole(test.rows)} verdicts are the teacher's`;
}

function pipelineSection(runs) {
  const [{ sessions, bytes, parquetBytes }] = runs;
  const seconds = median(runs.map((run) => run.seconds));
  const all = runs.map((run) => run.seconds.toFixed(2)).join(", ");
  return [
    "## Capture to Parquet, with the distilled model",
    "",
    `${whole(sessions)} sessions of ${(bytes / sessions / 1000).toFixed(1)} KB, ${(bytes / 1e9).toFixed(2)} GB (generated: questions, chats, some downloads, QUIC and voice; IPv4 and 15 % IPv6) in the page cache;`,
    "one `flowglyph classify CAPTURE -o verdicts.parquet`, from the start of its process to its end.",
    "",
    "| sessions a second | Gbit a second | seconds, each run | Parquet MB |",
    "|---|---|---|---|",
    `| ${whole(sessions / seconds)} | ${((8 * bytes) / seconds / 1e9).toFixed(2)} | ${all} | ${(parquetBytes / 1e6).toFixed(1)} |`,
    "",
  ];
}

function modelName(path) {
  const text = readFileSync(path, "latin1");
  const [, name] = /"model":"([^"]+)"/.exec(text) ?? [];
  return `model ${name ?? path}, ${(text.length / 1e6).toPrecision(2)} MB`;
}
