import { expect, it } from "vitest";
import {
  cudaAvailable,
  cudaDevices,
  Generator,
  resolveDevice,
  setThreads,
  Tensor,
  torchInfo,
} from "../../../bindings/torch/index.ts";
import { describeTorch } from "../../nn/with-torch.ts";

describeTorch("devices", () => {
  it("says what libtorch is there", () => {
    const info = torchInfo();
    expect(info.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(info.build).toContain("PyTorch built with");
    expect(info.threads).toBeGreaterThan(0);
    expect(cudaDevices().length > 0).toBe(cudaAvailable());
  });

  it("runs matrix products on kernels that fit the processor, where they come from OpenBLAS", () => {
    // The reference BLAS, and OpenBLAS's kernels for old processors, cost a training step a factor of 5 to 16.
    expect(torchInfo().blas).not.toMatch(/\/lib(blas|gslcblas)\/|\/blas\/libblas/);
    expect(torchInfo().blasKernels).not.toMatch(/^(Prescott|Core2|Nehalem)$/);
  });

  it("resolves cpu and auto", () => {
    expect(resolveDevice("cpu")).toBe("cpu");
    expect(resolveDevice("auto")).toBe(cudaAvailable() ? "cuda" : "cpu");
    expect(() => resolveDevice("tpu" as "cpu")).toThrow("Expected device to be auto, cpu, cuda or cuda:N");
  });

  it("says clearly that a CUDA device asked for is not there", () => {
    const absent = `cuda:${cudaDevices().length}` as const;
    const code = expect.objectContaining({ code: "ERR_DEVICE" });
    expect(() => resolveDevice(absent)).toThrow(code);
    expect(() => Tensor.zeros([2], { device: absent })).toThrow(code);
    expect(() => new Generator(absent, 1)).toThrow(code);
    expect(() => Tensor.zeros([2], { device: "gpu" as "cpu" })).toThrow(code);
  });

  it("sets the number of threads", () => {
    const before = torchInfo().threads;
    setThreads(1);
    expect(torchInfo().threads).toBe(1);
    setThreads(before);
    expect(() => setThreads(0)).toThrow("Expected threads to be a positive integer but received 0");
  });
});
