#!/usr/bin/env node
// `flowglyph serve` under load for a long time: does its memory stay flat? Clients on the loopback send the sample captures
// without a pause; of every ten requests one is given up in mid-upload and one is no capture. Every good answer has to be
// whole. The model is `factors`, trained here on the same captures, unless --model names another.
// Needs `npm run build`.
//   node bench/serve.mjs [--minutes 30] [--clients 8] [--model RUN|MODEL.onnx] [--isolation thread|process] [--out FILE.md]
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { commit, main, sampleCaptures, trainSampleModel } from "./sample-model.mjs";

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    clients: { type: "string", default: "8" },
    isolation: { type: "string", default: "thread" },
    model: { type: "string" },
    out: { type: "string" },
  },
});
const captures = readdirSync(sampleCaptures, { recursive: true })
  .filter((name) => /\.pcap(ng)?(\.\w+)?$/.test(name))
  .sort()
  .map((name) => readFileSync(join(sampleCaptures, name)));

/** The answer's status and text; undefined where the upload was given up. */
function post(url, body, giveUp) {
  return new Promise((resolve, reject) => {
    const sending = request(`${url}/classify`, {
      method: "POST",
      // A connection each: one that was idle may be closed by the other side just when it is used again.
      agent: false,
      headers: { "content-type": "application/octet-stream" },
    });
    sending.on("error", (error) => (giveUp ? resolve(undefined) : reject(error)));
    sending.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      response.on("error", (error) => (giveUp ? resolve(undefined) : reject(error)));
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    if (!giveUp) sending.end(body);
    else {
      sending.write(body.subarray(0, body.length >> 1));
      setTimeout(() => sending.destroy(), 20);
    }
  });
}

const sent = { good: 0, givenUp: 0, malformed: 0, busy: 0, late: 0, bytes: 0, sessions: 0 };
let stopping = false;

async function client(url, number) {
  for (let turn = number; !stopping; turn++) {
    const capture = captures[turn % captures.length];
    if (turn % 10 === 3) {
      await post(url, capture, true);
      sent.givenUp++;
      continue;
    }
    const malformed = turn % 10 === 7;
    const { status, text } = await post(url, malformed ? Buffer.from("no capture at all") : capture, false);
    if (status === 503) {
      sent.busy++;
      await sleep(100);
    } else if (status === 408) {
      // The machine was taken away for minutes.
      sent.late++;
    } else if (malformed) {
      if (status !== 422) throw new Error(`expected 422 for what is no capture but received ${status}`);
      sent.malformed++;
    } else {
      const lines = text.trimEnd().split("\n");
      if (status !== 200 || !lines.at(-1).startsWith('{"summary"'))
        throw new Error(`expected a whole answer but received ${status}: ${lines.at(-1).slice(0, 200)}`);
      sent.good++;
      sent.bytes += capture.length;
      sent.sessions += lines.length - 1;
    }
  }
}

/** Resident memory in MB of a process and of its children. */
function memoryOf(pid) {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,rss="], { encoding: "utf8" }).trim().split("\n");
  const rows = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const own = rows.filter(([one, parent]) => one === pid || parent === pid);
  return own.reduce((sum, [, , kilobytes]) => sum + kilobytes, 0) / 1000;
}

// prom-client's timer of the event loop: an idle process has this for its delay.
const TIMER_MS = 10;

/** Of one look: the event-loop delay is that since the look before. */
async function metrics(url, names) {
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: "close" } })).text();
  const values = new Map(text.split("\n").map((line) => line.split(" ")));
  return names.map((name) => Number(values.get(name)));
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const scratch = mkdtempSync(join(tmpdir(), "flowglyph-serve-"));
let service;
try {
  const model = flags.model ?? trainSampleModel(scratch);
  const args = ["serve", "--model", model, "--port", "0", "--isolation", flags.isolation];
  service = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  service.stderr.setEncoding("utf8").on("data", (text) => {
    printed += text;
  });
  while (!/listening on (\S+)/.test(printed)) {
    if (service.exitCode !== null) throw new Error(printed);
    await sleep(100);
  }
  const url = /listening on (\S+)/.exec(printed)[1];
  const load = [loadavg()[0]];
  const started = performance.now();
  const minutes = Number(flags.minutes);
  const clients = Array.from({ length: Number(flags.clients) }, (_, i) => client(url, i * 7));
  const working = Promise.all(clients);
  const samples = [];
  while (performance.now() - started < minutes * 60_000) {
    await Promise.race([sleep(10_000), working]);
    const minute = (performance.now() - started) / 60_000;
    const [heap, lag] = await metrics(url, [
      "nodejs_heap_size_used_bytes",
      "nodejs_eventloop_lag_p99_seconds",
    ]);
    const delay = Math.max(0, lag * 1000 - TIMER_MS);
    samples.push({ minute, resident: memoryOf(service.pid), heap: heap / 1e6, delay, ...sent });
    console.error(JSON.stringify(samples.at(-1)));
  }
  stopping = true;
  await working;
  const seconds = (performance.now() - started) / 1000;
  load.push(loadavg()[0]);
  const [jobs] = await metrics(url, ["flowglyph_jobs"]);
  const tenths = Array.from({ length: 10 }, (_, i) =>
    samples.filter(({ minute }) => Math.min(9, Math.floor((10 * minute) / minutes)) === i),
  ).filter((part) => part.length > 0);
  const rows = tenths.map((part) => {
    const of = (name) => median(part.map((sample) => sample[name]));
    return `| ${part.at(-1).minute.toFixed(1)} | ${of("resident").toFixed(0)} | ${of("heap").toFixed(0)} | ${of("delay").toFixed(1)} | ${part.at(-1).good.toLocaleString("en-US")} |`;
  });
  const count = (value) => value.toLocaleString("en-US");
  const given = process.argv.slice(2).join(" ");
  const text = `# The service under load

\`flowglyph serve\` for ${minutes} minutes, ${clients.length} clients on the loopback that send the ${captures.length} sample captures without a pause; one request in ten is given up in mid-upload,
one in ten is no capture. Model: ${flags.model === undefined ? "`factors`, trained on the same captures" : "given by --model"}; workers: ${flags.isolation === "thread" ? "threads" : "processes"}.

${count(sent.good)} captures answered whole, ${count(sent.givenUp)} given up, ${count(sent.malformed)} refused as no capture (422), ${count(sent.busy)} told to come again (503), ${count(sent.late)} too slow (408);
${count(Math.round(sent.sessions / seconds))} sessions and ${(sent.bytes / seconds / 1e6).toFixed(1)} MB of captures a second; captures still under way at the end: ${jobs}.

Memory of the process and its children, and \`nodejs_eventloop_lag_p99_seconds\` of /metrics since the sample before, the timer's own ${TIMER_MS} ms taken off; medians of
samples 10 s apart:

| until minute | resident MB | JavaScript heap MB | event-loop delay, 99th percentile, ms | captures answered |
|---|---|---|---|---|
${rows.join("\n")}

Machine: ${cpus().length} cores of ${cpus()[0].model}; Node ${process.version}; commit ${commit()}; ${new Date().toISOString().slice(0, 10)}; load average ${load.map((one) => one.toFixed(1)).join(" at the beginning, ")} at the end: other work ran beside it.

    node bench/serve.mjs${given === "" ? "" : ` ${given}`}
`;
  console.log(text);
  if (flags.out) writeFileSync(flags.out, text);
} finally {
  service?.kill("SIGTERM");
  rmSync(scratch, { recursive: true, force: true });
}
