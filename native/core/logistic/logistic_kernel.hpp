// The loops that logistic regression spends its time in, once with Highway and once plainly. Sums differ in
// their rounding alone; tests hold them to that.
#pragma once

#include <cstddef>
#include <string_view>

namespace flowglyph {

// Numbers of the classes lie in rows this wide, or a multiple of it.
inline constexpr std::size_t kClassAlign = 8;

struct LogisticKernel {
  std::string_view name;  // of the instruction set, or "scalar"
  // logits[rows][stride] = features[rows][width] times weights[width][stride], plus the row behind those:
  // biases.
  void (*logits)(const float* features, std::size_t rows, std::size_t width, const double* weights,
                 std::size_t stride, double* logits);
  // gradient[width][stride] += the transpose of features[rows][width] times residuals[rows][stride].
  void (*addGradient)(const float* features, std::size_t rows, std::size_t width, const double* residuals,
                      std::size_t stride, double* gradient);
};

// The widest instruction set of this machine; the scalar twin where the environment says
// FLOWGLYPH_SIMD=scalar.
LogisticKernel selectLogisticKernel();
LogisticKernel vectorLogisticKernel();
LogisticKernel scalarLogisticKernel();

}  // namespace flowglyph
