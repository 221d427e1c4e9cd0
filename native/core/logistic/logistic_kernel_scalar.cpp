// The plain twins, and the choice between them and the Highway kernels.
#include <cstdlib>
#include <cstring>

#include "logistic/logistic_kernel.hpp"

namespace flowglyph {
namespace {

void logitsOf(const float* features, std::size_t rows, std::size_t width, const double* weights,
              std::size_t stride, double* logits) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t k = 0; k < stride; ++k) {
      double sum = weights[width * stride + k];
      for (std::size_t f = 0; f < width; ++f)
        sum += double{features[r * width + f]} * weights[f * stride + k];
      logits[r * stride + k] = sum;
    }
  }
}

void addGradient(const float* features, std::size_t rows, std::size_t width, const double* residuals,
                 std::size_t stride, double* gradient) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t f = 0; f < width; ++f) {
      for (std::size_t k = 0; k < stride; ++k)
        gradient[f * stride + k] += double{features[r * width + f]} * residuals[r * stride + k];
    }
  }
}

}  // namespace

LogisticKernel scalarLogisticKernel() { return {"scalar", logitsOf, addGradient}; }

LogisticKernel selectLogisticKernel() {
  const char* forced = std::getenv("FLOWGLYPH_SIMD");
  return forced != nullptr && std::strcmp(forced, "scalar") == 0 ? scalarLogisticKernel()
                                                                 : vectorLogisticKernel();
}

}  // namespace flowglyph
