// One direction of an LSTM on the CPU, forward and backward: in float32, and with products in bfloat16.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace flowglyph::torch {

// What one direction computes with: float32 on the CPU.
struct LstmInputs {
  at::Tensor x;             // (N, T, I), features beside each other
  at::Tensor inputHidden;   // (4H, I)
  at::Tensor hiddenHidden;  // (4H, H)
  at::Tensor bias;          // (4H), the sum of both
  bool reverse;
};

struct LstmRun {
  at::Tensor states;             // (N, T, H), a view
  std::vector<at::Tensor> kept;  // what the backward pass takes; empty where it was not asked for
};

struct LstmGradients {
  at::Tensor x, inputHidden, hiddenHidden, bias;  // the last three undefined where they are not wanted
};

// `above`: (N, T, H). The backward pass may overwrite what was kept.
LstmRun runPanels(const LstmInputs& inputs, bool keep);
LstmGradients runPanelsBackward(const LstmInputs& inputs, const std::vector<at::Tensor>& kept,
                                const at::Tensor& above, bool wantWeights);

LstmRun runBfloat16(const LstmInputs& inputs, bool keep);
LstmGradients runBfloat16Backward(const LstmInputs& inputs, const std::vector<at::Tensor>& kept,
                                  const at::Tensor& above, bool wantWeights);

}  // namespace flowglyph::torch
