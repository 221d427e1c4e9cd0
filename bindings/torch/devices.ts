// Where libtorch computes: devices, threads, and whether it is there at all.

import { FlowglyphError, invalidArgument } from "../errors.ts";
import { type DeviceName, type TorchInfo, torch } from "./native.ts";

/** Whether the torch addon loads; false means that ERR_TORCH_MISSING awaits every other call. */
export function torchAvailable(): boolean {
  try {
    torch();
    return true;
  } catch (error) {
    if (error instanceof FlowglyphError && error.code === "ERR_TORCH_MISSING") {
      return false;
    }
    throw error;
  }
}

/** Version, threads, and what libtorch was built with. */
export function torchInfo(): TorchInfo {
  return torch().info();
}

export function cudaAvailable(): boolean {
  return torch().info().cuda;
}

/** The names of the CUDA devices, in the order of their indices; empty without CUDA. */
export function cudaDevices(): string[] {
  return torch().cudaDevices();
}

/**
 * The device that a `--device` option asks for: `auto` takes CUDA where there is one.
 * @throws ERR_DEVICE where CUDA is asked for and absent.
 */
export function resolveDevice(asked: "auto" | DeviceName): DeviceName {
  const count = cudaDevices().length;
  if (asked === "auto") {
    return count > 0 ? "cuda" : "cpu";
  }
  if (asked !== "cpu" && asked !== "cuda" && !/^cuda:\d+$/.test(asked)) {
    throw invalidArgument("device", "auto, cpu, cuda or cuda:N", asked);
  }
  if (asked !== "cpu") {
    const index = asked === "cuda" ? 0 : Number(asked.slice("cuda:".length));
    if (index >= count) {
      throw new FlowglyphError(
        "ERR_DEVICE",
        `Expected device ${asked} to be present but libtorch ${torch().info().version} finds ${count} CUDA devices; use cpu or auto, or a libtorch with CUDA (FLOWGLYPH_TORCH)`,
      );
    }
  }
  return asked;
}

/** Number of threads that one operation may use; process-wide. */
export function setThreads(count: number): void {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw invalidArgument("threads", "a positive integer", count);
  }
  torch().setThreads(count);
}

/** Tensors of this thread that are not disposed, and the bytes of their elements (views count in full). */
export function liveTensors(): { count: number; bytes: number } {
  return torch().live();
}
