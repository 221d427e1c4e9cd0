// Loops over the steps of sequences whose features lie beside each other. Plain arrays: knows neither
// libtorch nor Node-API. bfloat16 is the upper half of a float32's bits, held in uint16_t.
#pragma once

#include <cstdint>

namespace flowglyph::torch {

// Where the taps of a convolution fall: step t of the output sees steps t stride + k dilation of the input
// padded on both sides.
struct Taps {
  int64_t kernel;
  int64_t stride;
  int64_t dilation;
  int64_t padding;
};

// Rounded to nearest, ties to even.
void toBfloat16(int64_t count, const float* from, uint16_t* to);

// to[i] += from[i]
void addValues(int64_t count, const uint16_t* from, float* to);

// to (rows, columns) = from + bias (columns)
void addBias(int64_t rows, int64_t columns, const uint16_t* from, const float* bias, float* to);
// The same with rows further apart than they are long.
void addBias(int64_t rows, int64_t columns, const float* from, int64_t fromStride, const float* bias,
             float* to, int64_t toStride);

// sums (columns) += the sum of the rows
void addRows(int64_t rows, int64_t columns, const float* from, float* sums);

// One sequence of a convolution of each channel by itself: x (T, C), weight (K, C), bias (C) -> y (T', C).
void depthwise(int64_t steps, int64_t outputs, int64_t channels, const Taps& taps, const float* x,
               const float* weight, const float* bias, float* y);

// Its gradients: dx (T, C), which must be zero before, and dWeight (K, C), which gathers.
void depthwiseBackward(int64_t steps, int64_t outputs, int64_t channels, const Taps& taps, const float* x,
                       const float* weight, const float* dy, float* dx, float* dWeight);

// One sequence: x (outputs * window, C) -> the largest of each window, (outputs, C), and where it was.
void maxPool(int64_t outputs, int64_t window, int64_t channels, const float* x, float* y, uint8_t* places);
// dx (outputs * window, C) is written whole.
void maxPoolBackward(int64_t outputs, int64_t window, int64_t channels, const float* dy,
                     const uint8_t* places, float* dx);

}  // namespace flowglyph::torch
