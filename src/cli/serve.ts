// flowglyph serve: a model as an HTTP service, until SIGTERM or Ctrl-C.
import { type Command, InvalidArgumentError, Option } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import { Classifier } from "../inference/index.ts";
import { makeService } from "../service/index.ts";
import { systemReason } from "../system-error.ts";
import { addCaptureOptions, type CaptureFlags } from "./capture-options.ts";
import { addClassifierOptions, type ClassifierFlags, unknownBelowOf } from "./classifier-options.ts";
import { type CommandContext, parsePositiveWhole, type RegisterCommand } from "./command.ts";
import { parseBytes } from "./format.ts";

const EXAMPLES = `
POST /classify takes a capture, plain or compressed, and answers with JSON Lines: a verdict a session while the capture is
still being sent, and one last line, "summary" or "error". GET /healthz and GET /metrics (Prometheus).
413 too large, 408 too slow, 415 another type of body, 422 no capture, 503 too much at a time.
There is no encryption and no login: put it behind what has them before it leaves this machine.

Examples:
  $ flowglyph serve --model run --port 8080
  $ curl -sN -T new.pcap -X POST -H 'content-type: application/vnd.tcpdump.pcap' http://127.0.0.1:8080/classify
`;

interface ServeFlags extends Pick<CaptureFlags, "early">, ClassifierFlags {
  readonly model: string;
  readonly host: string;
  readonly port: number;
  readonly maxBody: number;
  readonly maxSeconds: number;
  readonly maxJobs: number;
  readonly memoryLimit: number;
}

export const registerServe: RegisterCommand = (program, context) => {
  const bytes = (flags: string, help: string, initial: string) =>
    new Option(flags, help).argParser(parseSize).default(parseBytes(initial), initial);
  const whole = (flags: string, help: string, initial: number) =>
    new Option(flags, help).argParser(parsePositiveWhole).default(initial);
  const command = program
    .command("serve")
    .description("Classify captures that are sent over HTTP: JSON Lines back while they are sent.")
    .requiredOption("--model <run|model.onnx>", "a run folder or the ONNX file alone")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .addOption(
      new Option("--port <n>", "port to listen on; 0: any free one").argParser(parsePort).default(8080),
    )
    .addOption(bytes("--max-body <size>", "largest capture", "1GiB"))
    .addOption(whole("--max-seconds <n>", "longest time for a capture, sending included", 300))
    .addOption(whole("--max-jobs <n>", "captures at a time", 16))
    .addOption(bytes("--memory-limit <size>", "begin no capture while the process holds more", "2GiB"));
  addClassifierOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((flags: ServeFlags, _command: Command) => runServe(flags, context));
  addCaptureOptions(command, ["early"]);
};

async function runServe(flags: ServeFlags, { terminal, signal }: CommandContext): Promise<void> {
  const { model, host, port, workers, isolation, maxBody, maxSeconds, maxJobs, memoryLimit, early } = flags;
  await using classifier = await Classifier.load(model, { workers, isolation });
  const app = makeService(classifier, {
    maxBytes: maxBody,
    maxSeconds,
    maxJobs,
    memoryBytes: memoryLimit,
    early,
    unknownBelow: unknownBelowOf(classifier, flags, terminal),
  });
  try {
    terminal.note(`listening on ${await app.listen({ host, port })}`);
  } catch (cause) {
    await app.close();
    throw new FlowglyphError("ERR_IO", `Cannot listen on ${host}:${port}: ${systemReason(cause)}`, { cause });
  }
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", () => resolve());
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  terminal.note("stopping: captures that were begun come to their ends");
  await app.close();
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new InvalidArgumentError("Expected a port, 0 to 65535.");
}

function parseSize(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new InvalidArgumentError("Expected a size: 512MiB, 2GiB, 1g, or bytes.");
}
