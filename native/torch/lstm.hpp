// One LSTM layer over whole sequences.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace flowglyph::torch {

// x (N, T, I) -> (N, T, D H), from zero states. `weights`: for each of D = 1 or 2 directions (4H, I), (4H,
// H), (4H), (4H) in libtorch's gate order; the second direction runs from the last step to the first.
// `bfloat16`: matrix products in that type, forward and backward; everything else, and the result, in x's.
at::Tensor lstm(const at::Tensor& x, const std::vector<at::Tensor>& weights, int64_t hidden, bool bfloat16);

}  // namespace flowglyph::torch
