// The Highway kernels: compiled once for each instruction set by foreach_target, chosen at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "logistic/logistic_kernel.cpp"
#include "logistic/logistic_kernel.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace flowglyph {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, kClassAlign>;

// One vector of classes of four rows; the rows behind the last one stand for it.
HWY_INLINE void logitsOfFour(const float* features, std::size_t rows, std::size_t width,
                             const double* HWY_RESTRICT weights, std::size_t stride,
                             double* HWY_RESTRICT logits) {
  const D d;
  const float* HWY_RESTRICT x0 = features;
  const float* HWY_RESTRICT x1 = features + (rows > 1 ? width : 0);
  const float* HWY_RESTRICT x2 = features + (rows > 2 ? 2 * width : 0);
  const float* HWY_RESTRICT x3 = features + (rows > 3 ? 3 * width : 0);
  const auto bias = hn::LoadU(d, weights + width * stride);
  auto s0 = bias, s1 = bias, s2 = bias, s3 = bias;
  for (std::size_t f = 0; f < width; ++f) {
    const auto weight = hn::LoadU(d, weights + f * stride);
    s0 = hn::MulAdd(hn::Set(d, double{x0[f]}), weight, s0);
    s1 = hn::MulAdd(hn::Set(d, double{x1[f]}), weight, s1);
    s2 = hn::MulAdd(hn::Set(d, double{x2[f]}), weight, s2);
    s3 = hn::MulAdd(hn::Set(d, double{x3[f]}), weight, s3);
  }
  hn::StoreU(s0, d, logits);
  if (rows > 1) hn::StoreU(s1, d, logits + stride);
  if (rows > 2) hn::StoreU(s2, d, logits + 2 * stride);
  if (rows > 3) hn::StoreU(s3, d, logits + 3 * stride);
}

void logitsOf(const float* features, std::size_t rows, std::size_t width, const double* weights,
              std::size_t stride, double* logits) {
  const std::size_t lanes = hn::Lanes(D());
  for (std::size_t r = 0; r < rows; r += 4) {
    for (std::size_t k = 0; k < stride; k += lanes)
      logitsOfFour(features + r * width, rows - r, width, weights + k, stride, logits + r * stride + k);
  }
}

void addGradient(const float* features, std::size_t rows, std::size_t width, const double* residuals,
                 std::size_t stride, double* gradient) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t r = 0; r < rows; r += 4) {
    // Rows behind the last one stand for it, with residuals of 0.
    const std::size_t some = rows - r;
    const float* HWY_RESTRICT x0 = features + r * width;
    const float* HWY_RESTRICT x1 = x0 + (some > 1 ? width : 0);
    const float* HWY_RESTRICT x2 = x0 + (some > 2 ? 2 * width : 0);
    const float* HWY_RESTRICT x3 = x0 + (some > 3 ? 3 * width : 0);
    for (std::size_t k = 0; k < stride; k += lanes) {
      const double* own = residuals + r * stride + k;
      const auto e0 = hn::LoadU(d, own);
      const auto e1 = some > 1 ? hn::LoadU(d, own + stride) : hn::Zero(d);
      const auto e2 = some > 2 ? hn::LoadU(d, own + 2 * stride) : hn::Zero(d);
      const auto e3 = some > 3 ? hn::LoadU(d, own + 3 * stride) : hn::Zero(d);
      double* HWY_RESTRICT place = gradient + k;
      for (std::size_t f = 0; f < width; ++f, place += stride) {
        auto sum = hn::MulAdd(hn::Set(d, double{x0[f]}), e0, hn::LoadU(d, place));
        auto other = hn::Mul(hn::Set(d, double{x1[f]}), e1);
        sum = hn::MulAdd(hn::Set(d, double{x2[f]}), e2, sum);
        other = hn::MulAdd(hn::Set(d, double{x3[f]}), e3, other);
        hn::StoreU(hn::Add(sum, other), d, place);
      }
    }
  }
}

LogisticKernel logisticKernel() { return {hwy::TargetName(HWY_TARGET), logitsOf, addGradient}; }

}  // namespace HWY_NAMESPACE
}  // namespace flowglyph
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowglyph {

HWY_EXPORT(logisticKernel);

LogisticKernel vectorLogisticKernel() { return HWY_DYNAMIC_DISPATCH(logisticKernel)(); }

}  // namespace flowglyph
#endif
