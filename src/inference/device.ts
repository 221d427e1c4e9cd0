// What ONNX Runtime computes on, and whether it is there.
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";

export const DEVICES = ["cpu", "cuda"] as const;
export type Device = (typeof DEVICES)[number];

/** @throws ERR_ARGUMENT; ERR_DEVICE where onnxruntime-node has no CUDA provider */
export function checkDevice(device: unknown): Device {
  if (!DEVICES.includes(device as Device)) throw invalidArgument("device", '"cpu" or "cuda"', device);
  if (device === "cuda" && !hasCudaProvider()) {
    throw new FlowglyphError(
      "ERR_DEVICE",
      'Expected the CUDA provider of onnxruntime-node for device "cuda" but it is not installed. On Linux x64 its own install script fetches it (npm rebuild onnxruntime-node --onnxruntime-node-install); it needs the CUDA and cuDNN libraries beside it. device "cpu" works everywhere',
    );
  }
  return device as Device;
}

/**
 * ONNX Runtime itself finds out too late, and writes to standard error what it did not find: its providers are libraries
 * beside its addon, in bin/napi-v<n>/<platform>/<architecture>.
 */
function hasCudaProvider(): boolean {
  const bin = join(dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json")), "bin");
  const library =
    process.platform === "win32" ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so";
  return readdirSync(bin).some((api) => existsSync(join(bin, api, process.platform, process.arch, library)));
}
