// Who takes part: flowglyph, PyTorch in several ways, tensorflow.js. Who is missing is left out, and the run says why.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { torchInfo } from "../../bindings/torch/index.ts";
import type { PeerRow } from "./peer.ts";

export interface Places {
  /** Of the compiled benchmark. */
  readonly scripts: string;
  /** Of the sources: pytorch.py is not compiled. */
  readonly sources: string;
  readonly peers: string;
}

export const OURS = "flowglyph";

/** flowglyph, and those that take the same batch; `say` hears who is missing. */
export function torchPeers(
  places: Places,
  folder: string,
  threads: number,
  say: (text: string) => void,
  askedPython: string | undefined,
): PeerRow[] {
  const { blasKernels, version } = torchInfo();
  const threadsOnly = { OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) };
  const ours = [process.execPath, join(places.scripts, "peer-flowglyph.js"), folder];
  const rows: PeerRow[] = [
    { name: OURS, does: "the step of `flowglyph train`, float32", command: ours, environment: threadsOnly },
    {
      name: "flowglyph, bfloat16",
      does: "with `--precision bfloat16`: the LSTM's matrix products in that type",
      command: [...ours, "bfloat16"],
      environment: threadsOnly,
    },
  ];
  const python = findPython(askedPython, version);
  if (python === undefined) {
    say("left out: PyTorch: neither python3 nor /usr/bin/python3 imports torch");
    return rows;
  }
  if (!python.version.startsWith(version)) {
    say(`note: PyTorch is ${python.version}, flowglyph's libtorch ${version}: not the same library`);
  }
  const script = join(places.sources, "pytorch.py");
  const command = (mode: string) => [python.program, script, folder, mode];
  // flowglyph sees to both by itself, and without them the comparison would be one of settings: threads that wait without
  // spinning, because OpenMP's and OpenBLAS's take each other's processors, and kernels that fit the processor.
  const told = {
    ...threadsOnly,
    OMP_WAIT_POLICY: "passive",
    OPENBLAS_THREAD_TIMEOUT: "20",
    ...(blasKernels === "" ? {} : { OPENBLAS_CORETYPE: blasKernels }),
  };
  const aside = `, told ${blasKernels === "" ? "" : "the same OpenBLAS kernels and "}the same waiting as flowglyph's`;
  rows.push({
    name: "PyTorch eager",
    does: `nn.LSTM, nn.Conv1d, optim.Adam in the order of pytorch/examples' dcgan${aside}`,
    command: command("eager"),
    environment: told,
  });
  rows.push({
    name: "PyTorch eager, one pass",
    does: `the same, but real and generated in one pass and the discriminator frozen, as flowglyph does${aside}`,
    command: command("joint"),
    environment: told,
  });
  rows.push({
    name: "PyTorch eager, untold",
    does: "as PyTorch eager, without those settings: what one gets",
    command: command("eager"),
    environment: threadsOnly,
    stepsAlone: true,
  });
  if (python.compiles) {
    rows.push({
      name: "torch.compile",
      does: `as one pass, the networks through torch.compile${aside}`,
      command: command("compile"),
      environment: told,
    });
  } else {
    say(`left out: torch.compile: PyTorch ${python.version} has none`);
  }
  return rows;
}

/** tensorflow.js with the fastest backend that is installed. */
export function tensorflowPeer(
  places: Places,
  folder: string,
  say: (text: string) => void,
): PeerRow | undefined {
  const packages = ["tfjs-node-gpu", "tfjs-node", "tfjs"].map((name) => `@tensorflow/${name}`);
  const installed = packages.find((name) => existsSync(join(places.peers, "node_modules", name)));
  if (installed === undefined) {
    say("left out: tensorflow.js: npm could not install @tensorflow/tfjs into bench/peers");
    return undefined;
  }
  const native = installed !== "@tensorflow/tfjs";
  return {
    name: installed,
    does: native
      ? "the same step in tensorflow.js, native backend"
      : "the same step in tensorflow.js, CPU backend in plain JavaScript, one thread",
    command: [process.execPath, join(places.scripts, "peer-tensorflow.js"), folder, places.peers, installed],
  };
}

interface Python {
  readonly program: string;
  readonly version: string;
  readonly compiles: boolean;
}

/** The first Python whose torch is flowglyph's libtorch, else the first that has one. */
function findPython(asked: string | undefined, wanted: string): Python | undefined {
  const code = "import torch; print(torch.__version__, hasattr(torch, 'compile'))";
  const found = (asked === undefined ? ["python3", "/usr/bin/python3"] : [asked]).flatMap((program) => {
    const { status, stdout } = spawnSync(program, ["-c", code], { encoding: "utf8" });
    if (status !== 0) return [];
    const [version, compiles] = stdout.trim().split(" ");
    return [{ program, version: version!, compiles: compiles === "True" }];
  });
  const release = (version: string) => version.split(".").slice(0, 2).join(".");
  return found.find(({ version }) => release(version) === release(wanted)) ?? found[0];
}
