// Memory over many steps: a leak of one tensor a step shows as a slope.
import { table } from "../capture/report.ts";
import type { Peer } from "./peer.ts";
import type { Phase } from "./peer-server.ts";

export interface Sample {
  readonly phase: Phase;
  readonly step: number;
  readonly rssBytes: number;
}

/** Resident memory ten times in `steps` steps of each phase. */
export async function memoryOverSteps(
  peer: Peer,
  steps: number,
  say: (text: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const phase of ["adversarial", "supervised"] as const) {
    for (let step = 0; step < steps; ) {
      await peer.run(phase, Math.ceil(steps / 10));
      step += Math.ceil(steps / 10);
      const { rss } = await peer.memory();
      samples.push({ phase, step, rssBytes: rss });
      say(`${phase}, step ${step}: ${(rss / 1e6).toFixed(0)} MB`);
    }
  }
  return samples;
}

export function memoryText(samples: readonly Sample[], batch: number): string {
  const steps = samples.filter(({ phase }) => phase === "adversarial").map(({ step }) => step);
  const megabytes = (phase: Phase, step: number) =>
    (samples.find((sample) => sample.phase === phase && sample.step === step)!.rssBytes / 1e6).toFixed(0);
  const rows = steps.map((step) => [
    String(step),
    megabytes("adversarial", step),
    megabytes("supervised", step),
  ]);
  return [
    "# Memory over training steps",
    "",
    `Resident memory in MB after so many steps of CLGAN, batch ${batch}; first the adversarial steps, then, in the same process, the supervised.`,
    "",
    table([["steps", "adversarial", "supervised"], ...rows]),
    "",
  ].join("\n");
}
