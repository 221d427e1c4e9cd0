// The Highway kernels: compiled once for each instruction set by foreach_target, chosen at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "forest/split_kernel.cpp"
#include "forest/split_kernel.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <bit>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace flowglyph {
namespace HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR

// Highway's one-lane target has no bytes of a mask: where there is no other, the plain loops are as good.
SplitKernel splitKernel() { return scalarSplitKernel(); }

#else

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<std::uint8_t, kGroupRows>;
using V = hn::Vec<D>;

HWY_INLINE hn::Mask<D> maskOf(D d, std::uint64_t rows, std::size_t at) {
  std::uint8_t bytes[8];
  rows >>= at;
  std::memcpy(bytes, &rows, sizeof bytes);
  return hn::LoadMaskBits(d, bytes);
}

HWY_INLINE std::uint64_t bitsOf(D d, hn::Mask<D> mask) {
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  std::uint64_t bits;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

ByteRange rangeOf(const std::uint8_t* column, const RowGroup* groups, std::size_t count) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const V greatestByte = hn::Set(d, 255);
  V low = greatestByte;
  V high = hn::Zero(d);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t at = 0; at < kGroupRows; at += lanes) {
      const auto rows = maskOf(d, groups[i].rows, at);
      const V values = hn::LoadU(d, column + groups[i].first + at);
      low = hn::Min(low, hn::IfThenElse(rows, values, greatestByte));
      high = hn::Max(high, hn::IfThenElseZero(rows, values));
    }
  }
  // Highway reduces no bytes on all targets: their pairs, as 16-bit lanes, first.
  const hn::Repartition<std::uint16_t, D> pairs;
  const auto even = [&](V v) HWY_ATTR { return hn::And(hn::BitCast(pairs, v), hn::Set(pairs, 0xFF)); };
  const auto odd = [&](V v) HWY_ATTR { return hn::ShiftRight<8>(hn::BitCast(pairs, v)); };
  const auto least = hn::MinOfLanes(pairs, hn::Min(even(low), odd(low)));
  const auto greatest = hn::MaxOfLanes(pairs, hn::Max(even(high), odd(high)));
  return {static_cast<std::uint8_t>(hn::GetLane(least)), static_cast<std::uint8_t>(hn::GetLane(greatest))};
}

void rowsUpTo(const std::uint8_t* column, const RowGroup* groups, std::size_t count, std::uint8_t threshold,
              std::uint64_t* HWY_RESTRICT left, std::uint32_t* HWY_RESTRICT counts) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const V limit = hn::Set(d, threshold);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t bits = 0;
    for (std::size_t at = 0; at < kGroupRows; at += lanes) {
      const V values = hn::LoadU(d, column + groups[i].first + at);
      bits |= bitsOf(d, hn::Eq(hn::Min(values, limit), values)) << at;
    }
    bits &= groups[i].rows;
    sum += static_cast<std::uint32_t>(hwy::PopCount(bits));
    left[i] = bits;
    counts[i] = sum;
  }
}

// Which of 64 bytes from each of `places` vary over the rows. The least and greatest of a vector at each stay
// in registers from row to row.
template <std::size_t count>
HWY_INLINE void varyingAt(D d, const std::uint8_t* const* HWY_RESTRICT rows, std::size_t rowCount,
                          const std::uint32_t* places, std::uint8_t* HWY_RESTRICT low,
                          std::uint8_t* HWY_RESTRICT high, std::uint64_t* HWY_RESTRICT varying) {
  static_assert(count == 1 || count == 4);
  const std::size_t lanes = hn::Lanes(d);
  constexpr std::size_t k1 = count == 4 ? 1 : 0, k2 = 2 * k1, k3 = 3 * k1;
  for (std::size_t at = 0; at < 64; at += lanes) {
    const std::size_t place[] = {places[0] + at, places[k1] + at, places[k2] + at, places[k3] + at};
    V low0 = hn::LoadU(d, rows[0] + place[0]), high0 = low0;
    V low1 = hn::LoadU(d, rows[0] + place[k1]), high1 = low1;
    V low2 = hn::LoadU(d, rows[0] + place[k2]), high2 = low2;
    V low3 = hn::LoadU(d, rows[0] + place[k3]), high3 = low3;
    const auto look = [&](const std::uint8_t* row, std::size_t k, V& least, V& greatest) HWY_ATTR {
      const V values = hn::LoadU(d, row + place[k]);
      least = hn::Min(least, values);
      greatest = hn::Max(greatest, values);
    };
    for (std::size_t i = 1; i < rowCount; ++i) {
      look(rows[i], 0, low0, high0);
      if (count == 1) continue;
      look(rows[i], k1, low1, high1);
      look(rows[i], k2, low2, high2);
      look(rows[i], k3, low3, high3);
    }
    const auto keep = [&](std::size_t k, V least, V greatest) HWY_ATTR {
      hn::StoreU(least, d, low + place[k]);
      hn::StoreU(greatest, d, high + place[k]);
      const std::uint64_t bits = bitsOf(d, hn::Not(hn::Eq(least, greatest))) << at;
      varying[k] = at == 0 ? bits : varying[k] | bits;
    };
    keep(0, low0, high0);
    if (count == 1) continue;
    keep(k1, low1, high1);
    keep(k2, low2, high2);
    keep(k3, low3, high3);
  }
}

// The places of the bits that are set, behind `from`. Writes whole vectors.
HWY_INLINE std::size_t placesOf(std::uint64_t bits, std::size_t from, std::uint32_t* HWY_RESTRICT places) {
  const hn::CappedTag<std::uint32_t, 16> d;
  const std::size_t lanes = hn::Lanes(d);
  std::uint8_t bytes[8];
  std::size_t found = 0;
  for (std::size_t at = 0; at < 64; at += lanes) {
    const std::uint64_t own = bits >> at & ((std::uint64_t{1} << lanes) - 1);
    std::memcpy(bytes, &own, sizeof own);
    const auto chosen = hn::LoadMaskBits(d, bytes);
    hn::StoreU(hn::Compress(hn::Iota(d, static_cast<std::uint32_t>(from + at)), chosen), d, places + found);
    found += hwy::PopCount(own);
  }
  return found;
}

std::size_t ranges(const std::uint8_t* const* rows, std::size_t count, std::size_t blockBytes,
                   std::uint64_t& blocks, std::uint8_t* low, std::uint8_t* high, std::uint32_t* varying) {
  const D d;
  std::size_t found = 0;
  // Four places at a time: of a few rows the loop over them is short, and its end a surprise each time.
  std::uint32_t places[4];
  std::size_t waiting = 0;
  std::uint64_t varies = 0;
  const auto shift = static_cast<unsigned>(std::countr_zero(blockBytes));
  const auto look = [&]() HWY_ATTR {
    std::uint64_t bits[4] = {};
    if (waiting == 4) {
      varyingAt<4>(d, rows, count, places, low, high, bits);
    } else {
      for (std::size_t i = 0; i < waiting; ++i) varyingAt<1>(d, rows, count, places + i, low, high, bits + i);
    }
    for (std::size_t i = 0; i < waiting; ++i) {
      found += placesOf(bits[i], places[i], varying + found);
      if (bits[i] != 0) varies |= std::uint64_t{1} << (places[i] >> shift);
    }
    waiting = 0;
  };
  for (std::uint64_t left = blocks; left != 0; left &= left - 1) {
    const auto from = static_cast<std::size_t>(std::countr_zero(left)) * blockBytes;
    for (std::size_t at = from; at < from + blockBytes; at += 64) {
      places[waiting++] = static_cast<std::uint32_t>(at);
      if (waiting == 4) look();
    }
  }
  look();
  blocks = varies;
  return found;
}

std::size_t bestOfFew(const std::uint8_t* values, const std::uint8_t* thresholds, std::size_t count,
                      const ClassRun* runs, std::size_t runCount, float* scores) {
  // One lane a split; counts of up to 32 rows, their squares and products fit 16 bits.
  const hn::CappedTag<float, 16> quotients;
  const hn::RebindToUnsigned<decltype(quotients)> wide;
  const hn::Rebind<std::uint16_t, decltype(quotients)> numbers;
  const hn::Rebind<std::uint8_t, decltype(quotients)> bytes;
  const std::size_t lanes = hn::Lanes(quotients);
  auto greatest = hn::Zero(quotients);
  for (std::size_t first = 0; first < count; first += lanes) {
    const auto limit = hn::LoadU(bytes, thresholds + first);
    const std::uint8_t* row = values + first;
    auto left = hn::Zero(numbers);
    auto right = left;
    auto leftSquares = left;
    auto rightSquares = left;
    for (std::size_t run = 0; run < runCount; ++run) {
      auto ofRun = hn::Zero(bytes);
      for (const std::uint8_t* end = row + runs[run].rows * kAbreast; row != end; row += kAbreast) {
        const auto value = hn::LoadU(bytes, row);
        ofRun = hn::Sub(ofRun, hn::VecFromMask(bytes, hn::Eq(hn::Min(value, limit), value)));  // 255 is -1
      }
      const auto counted = hn::PromoteTo(numbers, ofRun);
      const auto others = hn::Sub(hn::Set(numbers, static_cast<std::uint16_t>(runs[run].rows)), counted);
      left = hn::Add(left, counted);
      right = hn::Add(right, others);
      leftSquares = hn::Add(leftSquares, hn::Mul(counted, counted));
      rightSquares = hn::Add(rightSquares, hn::Mul(others, others));
    }
    const auto above = hn::Add(hn::Mul(leftSquares, right), hn::Mul(rightSquares, left));
    const auto below = hn::Mul(left, right);
    const auto real = [&](auto v) HWY_ATTR {
      return hn::ConvertTo(quotients,
                           hn::BitCast(hn::RebindToSigned<decltype(wide)>(), hn::PromoteTo(wide, v)));
    };
    const auto score =
        hn::IfThenElseZero(hn::FirstN(quotients, count - first), hn::Div(real(above), real(below)));
    hn::StoreU(score, quotients, scores + first);
    greatest = hn::Max(greatest, score);
  }
  greatest = hn::MaxOfLanes(quotients, greatest);
  for (std::size_t first = 0;; first += lanes) {
    const auto best = hn::Eq(hn::LoadU(quotients, scores + first), greatest);
    if (!hn::AllFalse(quotients, best))
      return first + static_cast<std::size_t>(hn::FindFirstTrue(quotients, best));
  }
}

SplitKernel splitKernel() { return {hwy::TargetName(HWY_TARGET), rangeOf, rowsUpTo, ranges, bestOfFew}; }

#endif

}  // namespace HWY_NAMESPACE
}  // namespace flowglyph
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowglyph {

HWY_EXPORT(splitKernel);

SplitKernel vectorSplitKernel() { return HWY_DYNAMIC_DISPATCH(splitKernel)(); }

}  // namespace flowglyph
#endif
