// The plain twins, and the choice between them and the Highway kernels.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "words/word_kernel.hpp"

namespace flowglyph {
namespace {

void weightedSum(const float* rows, std::size_t width, const std::uint16_t* index, const float* weights,
                 std::size_t count, float* out) {
  std::fill_n(out, width, 0.0F);
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = rows + index[i] * width;
    for (std::size_t k = 0; k < width; ++k) out[k] += weights[i] * row[k];
  }
}

void addProducts(const float* rows, std::size_t count, std::size_t width, double* products) {
  for (std::size_t r = 0; r < count; ++r) {
    const float* row = rows + r * width;
    for (std::size_t i = 0; i < width; ++i) {
      for (std::size_t j = i; j < width; ++j) products[i * width + j] += double{row[i]} * double{row[j]};
    }
  }
}

}  // namespace

WordKernel scalarWordKernel() { return {"scalar", weightedSum, addProducts}; }

WordKernel selectWordKernel() {
  const char* forced = std::getenv("FLOWGLYPH_SIMD");
  return forced != nullptr && std::strcmp(forced, "scalar") == 0 ? scalarWordKernel() : vectorWordKernel();
}

}  // namespace flowglyph
