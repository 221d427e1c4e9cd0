// The sample captures of this repository and what an independent counter says of them.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const SAMPLES = fileURLToPath(new URL("../captures", import.meta.url));

export interface SampleFile {
  readonly file: string;
  readonly packets: number;
  readonly sessions: { readonly tcp: number; readonly udp: number };
}

interface Manifest {
  readonly classes: Readonly<Record<string, { readonly files: readonly SampleFile[] }>>;
}

export const sampleManifest = JSON.parse(readFileSync(`${SAMPLES}/manifest.json`, "utf8")) as Manifest;
