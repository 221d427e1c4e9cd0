// The transposed convolution: on products of our own in float32 on the CPU, at::conv_transpose2d elsewhere.
#pragma once

#include <ATen/core/Tensor.h>

namespace flowglyph::torch {

// (N, C, H, W), (C, O, K, L), (O) -> (N, O, S (H - 1) - 2 P + K + Q, ...) with stride S, padding P, output
// padding Q on both axes.
at::Tensor convTranspose2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           int64_t stride, int64_t padding, int64_t outputPadding);

}  // namespace flowglyph::torch
