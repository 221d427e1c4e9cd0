// Convolution and pooling over the steps of sequences (N, T, C), features last, as embeddings and LSTMs hold
// them.
#pragma once

#include <ATen/core/Tensor.h>

namespace flowglyph::torch {

// (N, T, C), (O, C / groups, K), (O) -> (N, T', O), T' = (T + 2 padding - dilation (K - 1) - 1) / stride + 1.
// `bfloat16`: matrix products in that type, forward and backward; everything else, and the result, in x's.
at::Tensor sequenceConv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride,
                        int64_t padding, int64_t dilation, int64_t groups, bool bfloat16);

// (N, T, C) -> (N, T / window, C): the largest of each `window` steps; steps that are left over are not seen.
at::Tensor sequenceMaxPool(const at::Tensor& x, int64_t window);

}  // namespace flowglyph::torch
