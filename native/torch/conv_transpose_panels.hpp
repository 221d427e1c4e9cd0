// The products of a transposed convolution in float32, channels last.
#pragma once

#include <ATen/core/Tensor.h>

namespace flowglyph::torch {

struct UpShape {
  int64_t images, height, width, inputs;  // of x: N, H, W, C
  int64_t outputs, outHeight, outWidth;   // of y: O, H', W'
  int64_t kernel[2];                      // K, L
  int64_t stride, padding;
  int64_t taps() const { return kernel[0] * kernel[1]; }
};

struct UpGradients {
  at::Tensor x, weight;  // those that are not wanted are undefined
};

// x (N, H, W, C), weight (C, O, K, L), bias (O), contiguous -> (N, H', W', O).
at::Tensor upPanels(const UpShape& shape, const at::Tensor& x, const at::Tensor& weight,
                    const at::Tensor& bias);
// dy (N, H', W', O), contiguous.
UpGradients upPanelsBackward(const UpShape& shape, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& dy, bool wantX, bool wantWeight);

}  // namespace flowglyph::torch
