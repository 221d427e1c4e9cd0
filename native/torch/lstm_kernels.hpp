// The element-wise part of an LSTM step, forward and backward. Plain arrays: knows neither libtorch nor
// Node-API.
#pragma once

#include <cstdint>

namespace flowglyph::torch {

// Of each sequence the four gates of some units, in libtorch's order: input i, forget f, cell g, output o.
struct Gates {
  float* data;
  int64_t stride;    // from sequence to sequence
  int64_t distance;  // from gate to gate, in the bias and its gradient too
};

// One step of some units of N sequences. `gates`: the products go in, the activations of products + `bias`
// come out. The rows of `previousCell`, `cell` and `tanhCell` are `cellStride` apart:
//   cell = f * previousCell + i * g,  tanhCell = tanh(cell),  state = o * tanhCell
void lstmStep(int64_t sequences, int64_t units, Gates gates, const float* bias, const float* previousCell,
              float* cell, float* tanhCell, int64_t cellStride, float* state, int64_t stateStride);

// Rows of a gradient with respect to the states; a stride of 0 repeats one row.
struct GradientRows {
  const float* data;
  int64_t stride;
};

// The same step backward. `gates`: the activations. `gateGradients`, laid out as they are, or they
// themselves: the gradients with respect to the sums before activation. `above` and `next`: the gradients of
// the state from outside and from the next step. `cellGradient`: from the next step in, for the previous step
// out. `biasGradient` gathers.
void lstmStepBackward(int64_t sequences, int64_t units, Gates gates, float* gateGradients,
                      const float* previousCell, const float* tanhCell, int64_t cellStride,
                      GradientRows above, GradientRows next, float* cellGradient, float* biasGradient);

}  // namespace flowglyph::torch
