// The element-wise part of an LSTM step, forward and backward. Plain arrays: knows neither libtorch nor
// Node-API.
#pragma once

#include <cstdint>

namespace flowglyph::torch {

// One step of N sequences. `gates` (N, 4H): the products go in, the activations of products + `bias` (4H)
// come out, in libtorch's order: input i, forget f, cell g, output o. All others (N, H), the rows of `state`
// `stateStride` apart:
//   cell = f * previousCell + i * g,  tanhCell = tanh(cell),  state = o * tanhCell
void lstmStep(int64_t sequences, int64_t hidden, float* gates, const float* bias, const float* previousCell,
              float* cell, float* tanhCell, float* state, int64_t stateStride);

// Rows of a gradient with respect to the states; a stride of 0 repeats one row.
struct GradientRows {
  const float* data;
  int64_t stride;
};

// The same step backward. `gates`: the activations go in, the gradients with respect to the sums before
// activation come out. `above` and `next`: the gradients of the state from outside and from the next step.
// `cellGradient`: from the next step in, for the previous step out. `biasGradient` (4H) gathers.
void lstmStepBackward(int64_t sequences, int64_t hidden, float* gates, const float* previousCell,
                      const float* tanhCell, GradientRows above, GradientRows next, float* cellGradient,
                      float* biasGradient);

}  // namespace flowglyph::torch
