// The element-wise part of an LSTM step, forward and backward. Plain arrays: knows neither libtorch nor
// Node-API.
#pragma once

#include <cstdint>

namespace flowglyph::torch {

// One step of N sequences. `gates` (N, 4H): the sums before activation go in, the activations come out, in
// libtorch's order: input i, forget f, cell g, output o. All others (N, H):
//   cell = f * previousCell + i * g,  tanhCell = tanh(cell),  state = o * tanhCell
void lstmStep(int64_t sequences, int64_t hidden, float* gates, const float* previousCell, float* cell,
              float* tanhCell, float* state);

// The same step backward. `stateGradient`: from above and from the next step, already added. `cellGradient`:
// from the next step in, for the previous step out. `sumGradient` (N, 4H): with respect to the sums before
// activation.
void lstmStepBackward(int64_t sequences, int64_t hidden, const float* gates, const float* previousCell,
                      const float* tanhCell, const float* stateGradient, float* cellGradient,
                      float* sumGradient);

}  // namespace flowglyph::torch
