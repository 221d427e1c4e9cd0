// One pass of npm's pcap-parser over a capture: it gives packets, there are no sessions in it.
import { createRequire } from "node:module";

interface Parser {
  on(event: "packet" | "end", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
}
// bench/peers has its own node_modules; this runs compiled, in build/.
const fromPeers = createRequire(process.argv[3]!);
const { parse } = fromPeers("pcap-parser") as { parse(path: string): Parser };

let packets = 0;
const parser = parse(process.argv[2]!);
parser.on("packet", () => {
  ++packets;
});
parser.on("error", (error) => {
  throw error;
});
parser.on("end", () => console.log(JSON.stringify({ packets })));
