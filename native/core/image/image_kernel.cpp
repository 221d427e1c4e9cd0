// The Highway kernels: compiled once for each instruction set by foreach_target, chosen at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "image/image_kernel.cpp"
#include "image/image_kernel.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstring>

#include "options.hpp"

HWY_BEFORE_NAMESPACE();
namespace flowglyph {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET <= HWY_AVX3

// One masked load and store for what is shorter than a block, so that small packets cost no branch on their
// length.
HWY_INLINE void copyMasked(std::uint8_t* HWY_RESTRICT to, const std::uint8_t* HWY_RESTRICT from,
                           std::size_t length, const std::uint8_t* HWY_RESTRICT pattern,
                           std::size_t patternLength) {
  const hn::FixedTag<std::uint8_t, ImageKernel::kPatternBlock> d;
  constexpr std::size_t kBlock = ImageKernel::kPatternBlock;
  std::size_t i = 0;
  for (; i < patternLength; i += kBlock) {
    const auto bits = hn::LoadU(d, pattern + i);
    if (i + kBlock > length) {
      const auto rest = hn::FirstN(d, length - i);
      hn::BlendedStore(hn::And(hn::MaskedLoad(rest, d, from + i), bits), rest, d, to + i);
      return;
    }
    hn::StoreU(hn::And(hn::LoadU(d, from + i), bits), d, to + i);
  }
  for (; i + kBlock <= length; i += kBlock) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  const auto rest = hn::FirstN(d, length - i);
  hn::BlendedStore(hn::MaskedLoad(rest, d, from + i), rest, d, to + i);
}

#else

// The last step of each loop goes back to end exactly at `length`, over bytes already done: AND and copy may
// be repeated.
template <class D>
HWY_INLINE void maskBlocks(D d, std::uint8_t* HWY_RESTRICT to, const std::uint8_t* HWY_RESTRICT from,
                           const std::uint8_t* HWY_RESTRICT pattern, std::size_t length) {
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i + lanes <= length; i += lanes)
    hn::StoreU(hn::And(hn::LoadU(d, from + i), hn::LoadU(d, pattern + i)), d, to + i);
  const std::size_t last = length - lanes;
  hn::StoreU(hn::And(hn::LoadU(d, from + last), hn::LoadU(d, pattern + last)), d, to + last);
}

template <typename T>
HWY_INLINE void maskWord(std::uint8_t* to, const std::uint8_t* from, const std::uint8_t* pattern) {
  T bytes, bits;
  std::memcpy(&bytes, from, sizeof bytes);
  std::memcpy(&bits, pattern, sizeof bits);
  bytes = static_cast<T>(bytes & bits);
  std::memcpy(to, &bytes, sizeof bytes);
}

// Two words that overlap cover every length from their size to twice it.
template <typename T>
HWY_INLINE void maskTwoWords(std::uint8_t* to, const std::uint8_t* from, const std::uint8_t* pattern,
                             std::size_t length) {
  // Both loads come before both stores only in effect: the stores write the same masked bytes.
  maskWord<T>(to, from, pattern);
  const std::size_t last = length - sizeof(T);
  maskWord<T>(to + last, from + last, pattern + last);
}

void copyMasked(std::uint8_t* HWY_RESTRICT to, const std::uint8_t* HWY_RESTRICT from, std::size_t length,
                const std::uint8_t* HWY_RESTRICT pattern, std::size_t patternLength) {
  const hn::ScalableTag<std::uint8_t> wide;
  const hn::CappedTag<std::uint8_t, 16> narrow;
  const std::size_t masked = length < patternLength ? length : patternLength;
  if (masked >= hn::Lanes(wide)) {
    maskBlocks(wide, to, from, pattern, masked);
  } else if (masked >= hn::Lanes(narrow)) {
    maskBlocks(narrow, to, from, pattern, masked);
  } else if (masked >= 8) {
    maskTwoWords<std::uint64_t>(to, from, pattern, masked);
  } else if (masked >= 4) {
    maskTwoWords<std::uint32_t>(to, from, pattern, masked);
  } else {
    for (std::size_t i = 0; i < masked; ++i) maskWord<std::uint8_t>(to + i, from + i, pattern + i);
  }
  if (length > masked) std::memcpy(to + masked, from + masked, length - masked);
}

#endif

void emitImage(std::uint8_t* HWY_RESTRICT to, const std::uint8_t* HWY_RESTRICT from, std::size_t length) {
  const hn::CappedTag<std::uint8_t, 16> d;  // kImageBytes is a multiple of 16, not of 32
  const std::size_t lanes = hn::Lanes(d);
  static_assert(kImageBytes % 16 == 0);
  std::size_t i = 0;
  for (; i + lanes <= length; i += lanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  if (i < length) {
    std::memcpy(to + i, from + i, length - i);
    std::memset(to + length, 0, i + lanes - length);
    i += lanes;
  }
  const auto zero = hn::Zero(d);
  for (; i < kImageBytes; i += lanes) hn::StoreU(zero, d, to + i);
}

ImageKernel kernel() { return {hwy::TargetName(HWY_TARGET), copyMasked, emitImage}; }

}  // namespace HWY_NAMESPACE
}  // namespace flowglyph
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowglyph {

HWY_EXPORT(kernel);

ImageKernel vectorImageKernel() { return HWY_DYNAMIC_DISPATCH(kernel)(); }

}  // namespace flowglyph
#endif
