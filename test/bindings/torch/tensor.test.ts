import { expect, it } from "vitest";
import { FlowglyphError } from "../../../bindings/errors.ts";
import { Generator, liveTensors, noGrad, scope, Tensor } from "../../../bindings/torch/index.ts";
import { describeTorch } from "../../nn/with-torch.ts";

function failure(body: () => unknown): FlowglyphError {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(FlowglyphError);
    return error as FlowglyphError;
  }
  throw new Error("expected a failure");
}

describeTorch("Tensor over a buffer", () => {
  it("shares memory with the array in both directions", () => {
    scope(() => {
      const data = Float32Array.of(1, 2, 3, 4, 5, 6);
      const tensor = Tensor.fromBuffer(data, [2, 3]);
      data[5] = 60;
      expect([...tensor.toTypedArray()]).toEqual([1, 2, 3, 4, 5, 60]);
      tensor.copyFrom(Tensor.full([2, 3], 7));
      expect([...data]).toEqual([7, 7, 7, 7, 7, 7]);
    });
  });

  it("takes a part of a larger buffer, and a Node Buffer", () => {
    scope(() => {
      const bytes = Buffer.from([0, 1, 2, 3, 4, 5]).subarray(2, 5);
      const tensor = Tensor.fromBuffer(bytes);
      expect([tensor.dtype, ...tensor.toTypedArray()]).toEqual(["uint8", 2, 3, 4]);
    });
  });

  it.each([
    ["float32", Float32Array.of(-1.5, 2)],
    ["float64", Float64Array.of(-1.5, 2)],
    ["int64", BigInt64Array.of(-5n, 2n ** 62n)],
    ["int32", Int32Array.of(-5, 2)],
    ["uint8", Uint8Array.of(0, 255)],
  ] as const)("gives %s back as it came", (dtype, data) => {
    scope(() => {
      const tensor = Tensor.fromBuffer(data);
      expect(tensor.dtype).toBe(dtype);
      expect(tensor.toTypedArray()).toEqual(data);
      expect(tensor.clone().toTypedArray()).toEqual(data);
    });
  });

  it("holds no elements at all", () => {
    scope(() => {
      const tensor = Tensor.fromBuffer(new Float32Array(0), [0, 28, 28]);
      expect(tensor.shape).toEqual([0, 28, 28]);
      expect(tensor.toTypedArray()).toEqual(new Float32Array(0));
    });
  });

  it("keeps the array's memory while only a view of the tensor is left", () => {
    const part = scope(() => Tensor.fromBuffer(new Float32Array(1 << 20).fill(3)).slice(0, 10, 12));
    const garbage: Float32Array[] = [];
    for (let round = 0; round < 50; round++) {
      garbage.push(new Float32Array(1 << 18).fill(round));
    }
    (globalThis as { gc?: () => void }).gc?.();
    expect([...part.toTypedArray()]).toEqual([3, 3]);
    part.dispose();
  });

  it("refuses a shape of another size and shared memory", () => {
    expect(failure(() => Tensor.fromBuffer(new Float32Array(6), [4])).message).toBe(
      'Expected shape to be a shape of the array\'s 6 elements but received "[4] (4)"',
    );
    const shared = new Uint8Array(new SharedArrayBuffer(4));
    expect(failure(() => Tensor.fromBuffer(shared as unknown as Uint8Array)).code).toBe("ERR_ARGUMENT");
  });
});

describeTorch("Tensor operations without a gradient", () => {
  it("compares, finds the largest, and mixes integers with numbers", () => {
    scope(() => {
      const x = Tensor.fromBuffer(Float32Array.of(1, 5, 3, 9, 2, 9.5), [2, 3]);
      expect([...x.greater(3).toTypedArray()]).toEqual([0, 1, 0, 1, 0, 1]);
      expect([...x.less(3).toTypedArray()]).toEqual([1, 0, 0, 0, 1, 0]);
      expect([...x.argmax(1).toTypedArray()]).toEqual([1n, 2n]);
      expect(
        x
          .argmax(1)
          .equal(Tensor.fromBuffer(BigInt64Array.of(1n, 0n)))
          .sum()
          .item(),
      ).toBe(1);
      const bytes = Tensor.fromBuffer(Uint8Array.of(0, 255));
      expect(
        bytes
          .to({ dtype: "float32" })
          .multiply(2 / 255)
          .add(-1).dtype,
      ).toBe("float32");
    });
  });

  it("makes ranges, constants and types", () => {
    scope(() => {
      expect([...Tensor.arange(3).toTypedArray()]).toEqual([0n, 1n, 2n]);
      expect(Tensor.ones([2], { dtype: "int32" }).toTypedArray()).toEqual(Int32Array.of(1, 1));
      expect(Tensor.zeros([]).item()).toBe(0);
      expect(Tensor.fromBuffer(Float32Array.of(0, 2)).to({ dtype: "bool" }).toTypedArray()).toEqual(
        Uint8Array.of(0, 1),
      );
    });
  });
});

describeTorch("autograd", () => {
  it("gathers gradients over two passes and forgets them", () => {
    scope(() => {
      const x = Tensor.full([2], 3).setRequiresGrad(true);
      expect(x.grad()).toBeUndefined();
      x.multiply(x).sum().backward();
      x.multiply(2).sum().backward();
      expect([...x.grad()!.toTypedArray()]).toEqual([8, 8]);
      x.clearGrad();
      expect(x.grad()).toBeUndefined();
    });
  });

  it("stops at detach and inside noGrad, also after a failure inside", () => {
    scope(() => {
      const x = Tensor.full([1], 3).setRequiresGrad(true);
      expect(x.detach().multiply(2).requiresGrad).toBe(false);
      expect(noGrad(() => x.multiply(2)).requiresGrad).toBe(false);
      expect(() => noGrad(() => x.matmul(Tensor.zeros([5, 5])))).toThrow(FlowglyphError);
      expect(x.multiply(2).requiresGrad).toBe(true);
    });
  });

  it("survives the disposal of what it was computed from", () => {
    const x = Tensor.full([3], 2).setRequiresGrad(true);
    const loss = scope(() => x.multiply(x).tanh().sum());
    loss.backward();
    const gradient = scope(() => x.grad()!.toFloat32Array());
    expect(gradient[0]).toBeCloseTo(4 * (1 - Math.tanh(4) ** 2), 6);
    x.dispose();
    loss.dispose();
  });
});

describeTorch("wrong input", () => {
  it("names the operation and what libtorch says, in one line", () => {
    scope(() => {
      const error = failure(() => Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3])));
      expect(error.code).toBe("ERR_TENSOR");
      expect(error.message).toBe("matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)");
    });
  });

  it("refuses what is no tensor", () => {
    scope(() => {
      const x = Tensor.zeros([2]);
      for (const handle of [undefined, null, {}, "tensor", 3, [x.handle], new Generator("cpu", 1).handle]) {
        const error = failure(() => x.matmul({ handle } as unknown as Tensor));
        expect(error.message).toBe("matmul: expected argument 2 to be a tensor");
      }
      expect(
        failure(() => Tensor.uniform([2], 0, 1, { handle: x.handle } as unknown as Generator)).message,
      ).toBe("uniform: expected argument 4 to be a generator");
    });
  });

  it.each([
    ["a negative length", () => Tensor.zeros([-1])],
    ["a fraction as length", () => Tensor.zeros([1.5])],
    ["an absurd length", () => Tensor.zeros([2 ** 50, 2 ** 10])],
    [
      "an index out of range",
      () => Tensor.zeros([3]).indexSelect(0, Tensor.fromBuffer(BigInt64Array.of(3n))),
    ],
    [
      "a class out of range",
      () => Tensor.zeros([1, 3]).crossEntropy(Tensor.fromBuffer(BigInt64Array.of(7n))),
    ],
    ["an axis out of range", () => Tensor.zeros([3]).softmax(4)],
    [
      "one value a channel",
      () =>
        Tensor.zeros([1, 2]).batchNorm(
          Tensor.ones([2]),
          Tensor.ones([2]),
          Tensor.ones([2]),
          Tensor.ones([2]),
          { training: true, momentum: 0.1, epsilon: 1e-5 },
        ),
    ],
    [
      "weights of another size",
      () =>
        Tensor.zeros([2, 3, 4]).lstm(
          [Tensor.zeros([8, 5]), Tensor.zeros([8, 2]), Tensor.zeros([8]), Tensor.zeros([8])],
          2,
        ),
    ],
    ["too few weights", () => Tensor.zeros([2, 3, 4]).lstm([Tensor.zeros([8, 5])], 2)],
    ["backward of a vector", () => Tensor.ones([2]).setRequiresGrad(true).multiply(2).backward()],
    ["backward of a constant", () => Tensor.ones([]).backward()],
    ["item of several", () => Tensor.ones([2]).item()],
    ["gradients of integers", () => Tensor.arange(3).setRequiresGrad(true)],
    ["an unknown type", () => Tensor.zeros([1], { dtype: "float8" as "float32" })],
  ])("refuses %s", (_, body) => {
    scope(() => expect(failure(body).code).toBe("ERR_TENSOR"));
  });

  it("has left nothing behind", () => {
    expect(liveTensors()).toEqual({ count: 0, bytes: 0 });
  });
});
