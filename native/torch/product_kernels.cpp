// A tile of the result, six rows by 64 columns where vectors have 16 numbers, stays in registers over all
// terms; each term is four vectors of the panel times six single numbers. Measured on a Zen 4 core: 105 to
// 115 of 115 GFLOP/s, where MKL's product of the same shape has 95 and the fork and join of its threads comes
// on top.
#include "product_kernels.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace flowglyph::torch {

namespace {

constexpr int64_t kTileRows = 6;

template <int kLanes>
struct VectorOf {
  typedef float type __attribute__((vector_size(kLanes * sizeof(float))));
};

// Rows begin anywhere: as a copy, because GCC forgets that a vector of dependent size may be unaligned.
template <typename Vector>
[[gnu::always_inline]] inline void load(Vector& vector, const float* from) {
  __builtin_memcpy(&vector, from, sizeof(Vector));
}
template <typename Vector>
[[gnu::always_inline]] inline void store(float* to, const Vector& vector) {
  __builtin_memcpy(to, &vector, sizeof(Vector));
}

// kRows by kVectors * kLanes numbers of the result.
template <int kLanes, int kVectors, int kRows, bool kTransposed>
[[gnu::always_inline]] inline void multiplyTile(std::span<const Terms> terms, int64_t row, int64_t column,
                                                const Target& out) {
  using Vector = typename VectorOf<kLanes>::type;
  Vector sums[kRows][kVectors];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[r][v] = Vector{};
  }
  for (const Terms& run : terms) {
    const float* left = run.left + (kTransposed ? row : row * run.leftStride);
    const float* right = run.right + column;
    const int64_t leftStride = run.leftStride, rightStride = run.rightStride;
    for (int64_t k = 0; k < run.count; ++k) {
      Vector factors[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        load(factors[v], right + k * rightStride + v * kLanes);
      }
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        const float number = kTransposed ? left[k * leftStride + r] : left[r * leftStride + k];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[r][v] += number * factors[v];
      }
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* place = out.data + (row + r) * out.stride + column + v * kLanes;
      if (out.add) {
        Vector before;
        load(before, place);
        sums[r][v] += before;
      }
      store(place, sums[r][v]);
    }
  }
}

// All rows of a tile's columns.
template <int kLanes, int kVectors, bool kTransposed>
[[gnu::always_inline]] inline void multiplyColumns(int64_t rows, std::span<const Terms> terms, int64_t column,
                                                   const Target& out) {
  int64_t row = 0;
  for (; row + kTileRows <= rows; row += kTileRows) {
    multiplyTile<kLanes, kVectors, kTileRows, kTransposed>(terms, row, column, out);
  }
  switch (rows - row) {
    case 5:
      return multiplyTile<kLanes, kVectors, 5, kTransposed>(terms, row, column, out);
    case 4:
      return multiplyTile<kLanes, kVectors, 4, kTransposed>(terms, row, column, out);
    case 3:
      return multiplyTile<kLanes, kVectors, 3, kTransposed>(terms, row, column, out);
    case 2:
      return multiplyTile<kLanes, kVectors, 2, kTransposed>(terms, row, column, out);
    case 1:
      return multiplyTile<kLanes, kVectors, 1, kTransposed>(terms, row, column, out);
    default:
      return;
  }
}

// kVectors: as many as leave registers for the sums; kLane columns and more.
template <int kLanes, int kVectors, bool kTransposed>
[[gnu::always_inline]] inline void multiplyPanel(int64_t rows, std::span<const Terms> terms,
                                                 const Target& out) {
  constexpr int64_t kWide = kLanes * kVectors;
  const int64_t columns = lanesOf(out.columns);
  int64_t column = 0;
  for (; column + kWide <= columns; column += kWide) {
    multiplyColumns<kLanes, kVectors, kTransposed>(rows, terms, column, out);
  }
  if constexpr (kWide > kLane) {
    for (; column < columns; column += kLane) {
      multiplyColumns<kLanes, kLane / kLanes, kTransposed>(rows, terms, column, out);
    }
  }
}

using Multiply = void (*)(int64_t, std::span<const Terms>, const Target&);

struct Kernels {
  Multiply plain, transposed;
};

// Sixteen registers on x86-64, 32 elsewhere.
#if defined(__x86_64__)
constexpr int kVectorsAnywhere = 2;
#else
constexpr int kVectorsAnywhere = 4;
#endif
template <bool kTransposed>
void multiplyAnywhere(int64_t rows, std::span<const Terms> terms, const Target& out) {
  multiplyPanel<4, kVectorsAnywhere, kTransposed>(rows, terms, out);
}

#if defined(__x86_64__)
template <bool kTransposed>
[[gnu::target("arch=x86-64-v3")]] void multiplyAvx2(int64_t rows, std::span<const Terms> terms,
                                                    const Target& out) {
  multiplyPanel<8, 2, kTransposed>(rows, terms, out);
}
template <bool kTransposed>
[[gnu::target("arch=x86-64-v4")]] void multiplyAvx512(int64_t rows, std::span<const Terms> terms,
                                                      const Target& out) {
  multiplyPanel<16, 4, kTransposed>(rows, terms, out);
}
#endif

// The widest vectors that the processor has; FLOWGLYPH_VECTOR_BITS narrows them, so that tests reach all.
Kernels chooseKernels() {
#if defined(__x86_64__)
  const char* variable = std::getenv("FLOWGLYPH_VECTOR_BITS");
  const std::string_view asked = variable == nullptr ? "" : variable;
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512cd");
  if (avx2 && avx512 && asked != "256" && asked != "128")
    return {multiplyAvx512<false>, multiplyAvx512<true>};
  if (avx2 && asked != "128") return {multiplyAvx2<false>, multiplyAvx2<true>};
#endif
  return {multiplyAnywhere<false>, multiplyAnywhere<true>};
}

const Kernels& kernels() {
  static const Kernels chosen = chooseKernels();
  return chosen;
}

}  // namespace

void multiply(int64_t rows, std::span<const Terms> terms, const Target& out) {
  kernels().plain(rows, terms, out);
}

void multiplyTransposed(int64_t rows, std::span<const Terms> terms, const Target& out) {
  kernels().transposed(rows, terms, out);
}

}  // namespace flowglyph::torch
