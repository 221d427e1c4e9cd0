// A layer in integers, one number after the other, as ONNX says QuantizeLinear and DequantizeLinear are.
import {
  quantizeBias,
  quantizeRows,
  roundHalfEven,
  sumScalesOf,
  unsignedScale,
} from "../../src/onnx/int8.ts";

/** x uint8 (M, I) -> uint8 (M, O), and what one unit of it stands for. */
export function plainInt8Linear(
  x: Uint8Array,
  input: { readonly scale: number; readonly zero: number },
  { weight, bias }: { readonly weight: Float32Array; readonly bias: Float32Array },
  most: number,
): { readonly values: Uint8Array; readonly scale: number } {
  const outputs = bias.length;
  const inputs = weight.length / outputs;
  const { data, scales } = quantizeRows(weight, outputs);
  const sumScales = sumScalesOf(input.scale, scales);
  const offsets = quantizeBias(bias, sumScales);
  const scale = unsignedScale(most);
  const values = new Uint8Array((x.length / inputs) * outputs);
  for (let row = 0; row < x.length / inputs; row++) {
    for (let out = 0; out < outputs; out++) {
      let sum = offsets[out]!;
      for (let i = 0; i < inputs; i++) sum += (x[row * inputs + i]! - input.zero) * data[out * inputs + i]!;
      const steps = roundHalfEven((sum * sumScales[out]!) / scale);
      values[row * outputs + out] = Math.min(255, Math.max(0, steps));
    }
  }
  return { values, scale };
}
