#!/usr/bin/env node
// The command line: one verb a file. Only this file exits. Exit status: 0 done, 1 failed, 2 wrong usage, 3 done but
// for some inputs, 130 interrupted.
import { Command, CommanderError } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import { systemReason } from "../system-error.ts";
import { toolVersion } from "../version.ts";
import type { RegisterCommand } from "./command.ts";
import { makeInterrupt } from "./interrupt.ts";
import { processTerminal } from "./terminal.ts";

// Loaded when asked for: Arrow alone takes longer to import than a small capture takes to read.
const COMMANDS: readonly { readonly name: string; readonly load: () => Promise<RegisterCommand> }[] = [
  { name: "inspect", load: async () => (await import("./inspect.ts")).registerInspect },
  { name: "encode", load: async () => (await import("./encode.ts")).registerEncode },
  { name: "train", load: async () => (await import("./train.ts")).registerTrain },
  { name: "distill", load: async () => (await import("./distill.ts")).registerDistill },
  { name: "evaluate", load: async () => (await import("./evaluate.ts")).registerEvaluate },
  { name: "classify", load: async () => (await import("./classify.ts")).registerClassify },
  { name: "suggest", load: async () => (await import("./suggest.ts")).registerSuggest },
  { name: "serve", load: async () => (await import("./serve.ts")).registerServe },
  { name: "reproduce", load: async () => (await import("./reproduce.ts")).registerReproduce },
  { name: "compare", load: async () => (await import("./compare.ts")).registerCompare },
  { name: "build", load: async () => (await import("./build.ts")).registerBuild },
  { name: "models", load: async () => (await import("./models.ts")).registerModels },
];

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_PARTLY = 3;
const EXIT_INTERRUPTED = 130;

async function main(argv: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  const interrupt = makeInterrupt(terminal, () => process.exit(EXIT_INTERRUPTED));
  process.on("SIGINT", interrupt.interrupted);
  // `flowglyph inspect ... | head` closes our output early: that is the reader's choice, not a failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    terminal.note(`flowglyph: Cannot write standard output: ${systemReason(error)}`);
    process.exit(EXIT_FAILED);
  });
  // Nobody hears of it any more; the results are not touched.
  process.stderr.on("error", () => undefined);

  let partly = false;
  const program = new Command("flowglyph")
    .description(
      "Packet captures to byte images, one per session, and encrypted-traffic classification from few labels.",
    )
    .version(toolVersion())
    .showHelpAfterError("(add --help for the options and examples)")
    .exitOverride();
  const asked = COMMANDS.filter(({ name }) => name === argv[2]);
  for (const { load } of asked.length > 0 ? asked : COMMANDS) {
    (await load())(program, {
      terminal,
      signal: interrupt.signal,
      interrupt,
      partlyFailed: () => {
        partly = true;
      },
    });
  }
  for (const command of program.commands)
    command.exitOverride().showHelpAfterError("(add --help for the options and examples)");

  try {
    await program.parseAsync(argv);
    return partly ? EXIT_PARTLY : 0;
  } catch (error) {
    terminal.progressDone();
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (interrupt.signal.aborted) return EXIT_INTERRUPTED;
    if (error instanceof FlowglyphError) {
      terminal.note(`flowglyph: ${error.message}`);
      return error.code === "ERR_ARGUMENT" ? EXIT_USAGE : EXIT_FAILED;
    }
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    for (const line of `flowglyph: unexpected ${told}`.split("\n")) terminal.note(line);
    return EXIT_FAILED;
  }
}

process.exitCode = await main(process.argv);
