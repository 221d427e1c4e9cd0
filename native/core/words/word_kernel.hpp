// The loops that factorising pairs spends its time in, once with Highway and once plainly. Sums differ in
// their rounding alone; tests hold them to that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flowglyph {

// Dense rows are this many numbers wide, or a multiple of it.
inline constexpr std::size_t kWidthAlign = 16;

struct WordKernel {
  std::string_view name;  // of the instruction set, or "scalar"
  // out[width] = sum over i of weights[i] * rows[index[i]][width], in the order of i.
  void (*weightedSum)(const float* rows, std::size_t width, const std::uint16_t* index, const float* weights,
                      std::size_t count, float* out);
  // products[i][j] += sum over r of rows[r][i] * rows[r][j], for j >= i and some others; in double.
  void (*addProducts)(const float* rows, std::size_t count, std::size_t width, double* products);
};

// The widest instruction set of this machine; the scalar twin where the environment says
// FLOWGLYPH_SIMD=scalar.
WordKernel selectWordKernel();
WordKernel vectorWordKernel();
WordKernel scalarWordKernel();

}  // namespace flowglyph
