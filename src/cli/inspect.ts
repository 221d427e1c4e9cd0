// flowglyph inspect: what is in a capture, and what of it would become sessions.
import type { Command } from "commander";
import { type InspectSummary, inspect } from "../capture/index.ts";
import { formatTable } from "../evaluation/table.ts";
import { activeTimeoutOption, idleTimeoutOption, jsonOption, type RegisterCommand } from "./command.ts";
import { formatBytes, formatCount } from "./format.ts";
import { linktypeText } from "./linktype-names.ts";
import { captureProgress } from "./progress.ts";

interface InspectFlags {
  idleTimeout: number;
  activeTimeout: number;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowglyph inspect capture.pcap
  $ flowglyph inspect captures/ --json | jq .skipped
  $ flowglyph inspect day.pcapng --idle-timeout 0 --active-timeout 0    # one session per 5-tuple
  $ tcpdump -w - | flowglyph inspect -
`;

export const registerInspect: RegisterCommand = (program, { terminal, signal }) => {
  program
    .command("inspect")
    .description("Count packets, sessions and what was skipped, by reason.")
    .argument("<capture...>", "capture files, folders of them, or - for standard input")
    .addOption(idleTimeoutOption())
    .addOption(activeTimeoutOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(async (captures: string[], flags: InspectFlags, _command: Command) => {
      const summary = await inspect(captures, {
        idleTimeout: flags.idleTimeout,
        activeTimeout: flags.activeTimeout,
        signal,
        onProgress: captureProgress(terminal),
      });
      terminal.progressDone();
      for (const warning of summary.warnings) terminal.note(`warning: ${warning}`);
      await terminal.out(flags.json ? `${JSON.stringify(summary, null, 2)}\n` : describe(summary));
    });
};

function describe(summary: InspectSummary): string {
  const skipped = Object.entries(summary.skipped).sort(([, a], [, b]) => b - a);
  const rows = [
    ["packets", formatCount(summary.packets)],
    ["  in sessions", formatCount(summary.sessionPackets)],
    ...skipped.map(([reason, count]) => [`  skipped: ${reason}`, formatCount(count)]),
    ["sessions", formatCount(summary.sessions.tcp + summary.sessions.udp)],
    ["  TCP", formatCount(summary.sessions.tcp)],
    ["  UDP", formatCount(summary.sessions.udp)],
    ["bytes read", formatBytes(summary.bytesRead)],
  ];
  const linktypes = summary.linktypes.map(linktypeText).join(", ") || "none";
  return `${formatTable(rows, [1])}link types  ${linktypes}\n${summary.truncated ? "truncated   yes: see the warnings\n" : ""}`;
}
