// The sizes of a convolution over sequences, and its products in float32 on panels.
#pragma once

#include <ATen/core/Tensor.h>

#include "sequence_kernels.hpp"

namespace flowglyph::torch {

struct ConvShape {
  int64_t sequences, steps, inputs, outputs, length;  // N, T, C, O, T'
  Taps taps;
  int64_t padded() const { return steps + 2 * taps.padding; }
  int64_t width() const { return taps.kernel * inputs; }
};

struct ConvWanted {
  bool x, weight, bias;
};
struct ConvGradients {
  at::Tensor x, weight, bias;  // those that are not wanted are undefined
};

// x (N, T, C), weight (O, C, K), bias (O), all contiguous float32 on the CPU -> (N, T', O).
at::Tensor convPanels(const ConvShape& shape, const at::Tensor& x, const at::Tensor& weight,
                      const at::Tensor& bias);
// dy (N, T', O), contiguous.
ConvGradients convPanelsBackward(const ConvShape& shape, const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& dy, const ConvWanted& wanted);

}  // namespace flowglyph::torch
