// The Highway kernels: compiled once for each instruction set by foreach_target, chosen at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "words/word_kernel.cpp"
#include "words/word_kernel.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>

HWY_BEFORE_NAMESPACE();
namespace flowglyph {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, kWidthAlign>;
using Doubles = hn::CappedTag<double, kWidthAlign / 2>;

// kVectors neighbouring vectors of the sum stay in registers while all rows go by.
template <int kVectors>
HWY_INLINE void sumColumns(const float* rows, std::size_t width, const std::uint16_t* index,
                           const float* weights, std::size_t count, float* HWY_RESTRICT out) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<Floats> s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (std::size_t i = 0; i < count; ++i) {
    const float* HWY_RESTRICT row = rows + index[i] * width;
    const auto weight = hn::Set(d, weights[i]);
    s0 = hn::MulAdd(weight, hn::LoadU(d, row), s0);
    if constexpr (kVectors > 1) {
      s1 = hn::MulAdd(weight, hn::LoadU(d, row + lanes), s1);
      s2 = hn::MulAdd(weight, hn::LoadU(d, row + 2 * lanes), s2);
      s3 = hn::MulAdd(weight, hn::LoadU(d, row + 3 * lanes), s3);
    }
    if constexpr (kVectors > 4) {
      s4 = hn::MulAdd(weight, hn::LoadU(d, row + 4 * lanes), s4);
      s5 = hn::MulAdd(weight, hn::LoadU(d, row + 5 * lanes), s5);
      s6 = hn::MulAdd(weight, hn::LoadU(d, row + 6 * lanes), s6);
      s7 = hn::MulAdd(weight, hn::LoadU(d, row + 7 * lanes), s7);
    }
  }
  hn::StoreU(s0, d, out);
  if constexpr (kVectors > 1) {
    hn::StoreU(s1, d, out + lanes);
    hn::StoreU(s2, d, out + 2 * lanes);
    hn::StoreU(s3, d, out + 3 * lanes);
  }
  if constexpr (kVectors > 4) {
    hn::StoreU(s4, d, out + 4 * lanes);
    hn::StoreU(s5, d, out + 5 * lanes);
    hn::StoreU(s6, d, out + 6 * lanes);
    hn::StoreU(s7, d, out + 7 * lanes);
  }
}

void weightedSum(const float* rows, std::size_t width, const std::uint16_t* index, const float* weights,
                 std::size_t count, float* out) {
  const std::size_t lanes = hn::Lanes(Floats());
  std::size_t at = 0;
  for (; at + 8 * lanes <= width; at += 8 * lanes)
    sumColumns<8>(rows + at, width, index, weights, count, out + at);
  for (; at + 4 * lanes <= width; at += 4 * lanes)
    sumColumns<4>(rows + at, width, index, weights, count, out + at);
  for (; at < width; at += lanes) sumColumns<1>(rows + at, width, index, weights, count, out + at);
}

// Four rows of products by two vectors, over rows that lie in the nearest cache as doubles.
HWY_INLINE void addBlock(const double* HWY_RESTRICT rows, std::size_t count, std::size_t width, std::size_t i,
                         std::size_t j, double* HWY_RESTRICT products) {
  const Doubles d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<Doubles> a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  for (std::size_t r = 0; r < count; ++r) {
    const double* HWY_RESTRICT row = rows + r * width;
    const auto a = hn::LoadU(d, row + j);
    const auto b = hn::LoadU(d, row + j + lanes);
    const auto x0 = hn::Set(d, row[i]), x1 = hn::Set(d, row[i + 1]);
    const auto x2 = hn::Set(d, row[i + 2]), x3 = hn::Set(d, row[i + 3]);
    a0 = hn::MulAdd(x0, a, a0), b0 = hn::MulAdd(x0, b, b0);
    a1 = hn::MulAdd(x1, a, a1), b1 = hn::MulAdd(x1, b, b1);
    a2 = hn::MulAdd(x2, a, a2), b2 = hn::MulAdd(x2, b, b2);
    a3 = hn::MulAdd(x3, a, a3), b3 = hn::MulAdd(x3, b, b3);
  }
  const auto add = [&](std::size_t row, std::size_t column, hn::Vec<Doubles> sum) HWY_ATTR {
    double* place = products + row * width + column;
    hn::StoreU(hn::Add(hn::LoadU(d, place), sum), d, place);
  };
  add(i, j, a0), add(i, j + lanes, b0);
  add(i + 1, j, a1), add(i + 1, j + lanes, b1);
  add(i + 2, j, a2), add(i + 2, j + lanes, b2);
  add(i + 3, j, a3), add(i + 3, j + lanes, b3);
}

void addProducts(const float* rows, std::size_t count, std::size_t width, double* products) {
  constexpr std::size_t kNumbers = 4096;  // 32 kB of doubles
  const std::size_t step = 2 * hn::Lanes(Doubles());
  alignas(64) std::array<double, kNumbers> near;
  const std::size_t abreast = std::max<std::size_t>(1, kNumbers / width);
  for (std::size_t r = 0; r < count; r += abreast) {
    const std::size_t some = std::min(abreast, count - r);
    for (std::size_t k = 0; k < some * width; ++k) near[k] = double{rows[r * width + k]};
    for (std::size_t i = 0; i < width; i += 4) {
      for (std::size_t j = i / step * step; j < width; j += step)
        addBlock(near.data(), some, width, i, j, products);
    }
  }
}

WordKernel wordKernel() { return {hwy::TargetName(HWY_TARGET), weightedSum, addProducts}; }

}  // namespace HWY_NAMESPACE
}  // namespace flowglyph
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowglyph {

HWY_EXPORT(wordKernel);

WordKernel vectorWordKernel() { return HWY_DYNAMIC_DISPATCH(wordKernel)(); }

}  // namespace flowglyph
#endif
