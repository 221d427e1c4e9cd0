// Matrix products in single precision, on panels: what a network's layer multiplies again and again is packed
// once and stays in the cache, and whoever calls says where each row lies, so that nothing is copied to be
// multiplied. Plain arrays, one thread: knows neither libtorch nor Node-API.
#pragma once

#include <cstdint>
#include <span>

namespace flowglyph::torch {

// Columns of a panel: a right operand (K, N) is ceil(N / 64) panels of (K, 64).
constexpr int64_t kPanel = 64;
// Columns of a result are written by so many: what is not asked for up to there is undefined.
constexpr int64_t kLane = 16;

constexpr int64_t panelsOf(int64_t columns) { return (columns + kPanel - 1) / kPanel; }
constexpr int64_t lanesOf(int64_t columns) { return (columns + kLane - 1) / kLane * kLane; }

// A run of the terms of each sum. The right operand's row of term k is right[k * stride ...].
struct Terms {
  const float* left;
  int64_t leftStride;
  const float* right;
  int64_t rightStride;
  int64_t count;
};

// `columns` (at most kPanel) of rows outStride apart; `add` to what is there.
struct Target {
  float* data;
  int64_t stride;
  int64_t columns;
  bool add;
};

// out[m][j] = sum over runs and k of left[m * leftStride + k] right[k * rightStride + j], m < rows.
void multiply(int64_t rows, std::span<const Terms> terms, const Target& out);

// The left operand turned round: left[k * leftStride + m].
void multiplyTransposed(int64_t rows, std::span<const Terms> terms, const Target& out);

}  // namespace flowglyph::torch
