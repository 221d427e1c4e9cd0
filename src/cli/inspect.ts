// flowglyph inspect: what is in a capture, and what of it would become sessions.
import type { Command } from "commander";
import { inspect } from "../capture/index.ts";
import { addCaptureOptions, type CaptureFlags, captureOptions, SESSION_FLAGS } from "./capture-options.ts";
import { finishable, jsonOption, type RegisterCommand } from "./command.ts";
import { inspectReport } from "./inspect-report.ts";
import { captureProgress } from "./progress.ts";

interface InspectFlags extends CaptureFlags {
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowglyph inspect capture.pcap
  $ flowglyph inspect captures/ --json | jq .skipped
  $ flowglyph inspect 'day*.pcap.gz'    # a quoted pattern; gzip, zstd and xz as they are
  $ flowglyph inspect day.pcapng --idle-timeout 0 --active-timeout 0    # one session per 5-tuple
  $ flowglyph inspect backbone.pcap --decap none --protocols all
  $ flowglyph inspect eth0.pcap eth1.pcap --merge    # two sides of one link
  $ flowglyph inspect growing.pcap --follow    # until Ctrl-C
  $ tcpdump -w - | flowglyph inspect -
`;

export const registerInspect: RegisterCommand = (program, context) => {
  const { terminal } = context;
  const command = program
    .command("inspect")
    .description(
      "Say what captures hold, layer by layer: packets, tunnels, sessions, and what was skipped and why.",
    )
    .argument("<capture...>", "capture files, patterns, folders of them, or - for standard input")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(async (captures: string[], { json, ...flags }: InspectFlags, _command: Command) => {
      const summary = await inspect(captures, {
        ...captureOptions(flags),
        ...finishable(context, captures, flags.follow ?? false),
        onProgress: captureProgress(terminal),
      });
      terminal.progressDone();
      for (const warning of summary.warnings) terminal.note(`warning: ${warning}`);
      await terminal.out(json ? `${JSON.stringify(summary, null, 2)}\n` : inspectReport(summary));
    });
  addCaptureOptions(command, SESSION_FLAGS);
};
