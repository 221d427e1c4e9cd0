#include "adam_kernels.hpp"

#include <array>
#include <cmath>

#include "vector_loops.hpp"

namespace flowglyph::torch {

FLOWGLYPH_VECTOR_WIDTHS
void adamStep(int64_t count, float* parameter, const float* gradient, float* first, float* second,
              const AdamFactors& factors) {
  const AdamFactors f = factors;
  const float fresh1 = 1.0F - f.beta1, fresh2 = 1.0F - f.beta2;
  FLOWGLYPH_INDEPENDENT
  for (int64_t i = 0; i < count; ++i) {
    const float g = gradient[i] * f.gradient;
    const float m = f.beta1 * first[i] + fresh1 * g;
    const float v = f.beta2 * second[i] + fresh2 * g * g;
    first[i] = m;
    second[i] = v;
    parameter[i] = f.keep * parameter[i] - f.step * m / (std::sqrt(v) / f.rootCorrection + f.epsilon);
  }
}

FLOWGLYPH_VECTOR_WIDTHS
void averageStep(int64_t count, float* average, const float* values, float share) {
  FLOWGLYPH_INDEPENDENT
  for (int64_t i = 0; i < count; ++i) average[i] += share * (values[i] - average[i]);
}

// Sixteen sums beside each other, so that the order of additions is written down and yet makes vectors.
FLOWGLYPH_VECTOR_WIDTHS
double sumOfSquares(int64_t count, const float* values) {
  constexpr int64_t kSums = 16;
  std::array<double, kSums> sums{};
  const int64_t whole = count / kSums * kSums;
  for (int64_t i = 0; i < whole; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) {
      const double value = values[i + j];
      sums[j] += value * value;
    }
  }
  double sum = 0;
  for (int64_t i = whole; i < count; ++i) sum += static_cast<double>(values[i]) * values[i];
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace flowglyph::torch
