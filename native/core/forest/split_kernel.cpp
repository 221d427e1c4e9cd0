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

// Highway's one-lane target adds up no bytes: where there is no other, the plain loops are as good.
SplitKernel splitKernel() { return scalarSplitKernel(); }

#else

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<std::uint8_t, kSlack>;
using V = hn::Vec<D>;

// Least and greatest of `vectors` vectors at `from`, over all rows: kept in registers from row to row.
template <std::size_t vectors>
HWY_INLINE bool columnRanges(D d, const std::uint8_t* from, std::size_t stride,
                             const std::uint32_t* HWY_RESTRICT order, std::size_t count,
                             std::uint8_t* HWY_RESTRICT low, std::uint8_t* HWY_RESTRICT high) {
  static_assert(vectors == 1 || vectors == 2);
  const std::size_t lanes = hn::Lanes(d);
  const std::uint8_t* first = from + order[0] * stride;
  V low0 = hn::LoadU(d, first);
  V low1 = vectors == 2 ? hn::LoadU(d, first + lanes) : low0;
  V high0 = low0;
  V high1 = low1;
  for (std::size_t i = 1; i < count; ++i) {
    const std::uint8_t* row = from + order[i] * stride;
    const V value0 = hn::LoadU(d, row);
    low0 = hn::Min(low0, value0);
    high0 = hn::Max(high0, value0);
    if (vectors == 2) {
      const V value1 = hn::LoadU(d, row + lanes);
      low1 = hn::Min(low1, value1);
      high1 = hn::Max(high1, value1);
    }
  }
  hn::StoreU(low0, d, low);
  hn::StoreU(high0, d, high);
  bool constant = hn::AllTrue(d, hn::Eq(low0, high0));
  if (vectors == 2) {
    hn::StoreU(low1, d, low + lanes);
    hn::StoreU(high1, d, high + lanes);
    constant = constant && hn::AllTrue(d, hn::Eq(low1, high1));
  }
  return !constant;
}

std::uint64_t ranges(const std::uint8_t* images, std::size_t stride, const std::uint32_t* order,
                     std::size_t count, std::size_t blockBytes, std::uint64_t blocks, std::uint8_t* low,
                     std::uint8_t* high) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  std::uint64_t varying = 0;
  for (std::uint64_t left = blocks; left != 0; left &= left - 1) {
    const auto block = static_cast<std::size_t>(std::countr_zero(left));
    bool varies = false;
    const std::size_t end = (block + 1) * blockBytes;
    for (std::size_t at = block * blockBytes; at < end;) {
      if (end - at >= 2 * lanes) {
        varies |= columnRanges<2>(d, images + at, stride, order, count, low + at, high + at);
        at += 2 * lanes;
      } else {
        varies |= columnRanges<1>(d, images + at, stride, order, count, low + at, high + at);
        at += lanes;
      }
    }
    if (varies) varying |= std::uint64_t{1} << block;
  }
  return varying;
}

HWY_INLINE V insideOf(D d, const std::uint8_t* inside, std::size_t i, std::size_t count) {
  const V all = hn::LoadU(d, inside + i);
  if (i + hn::Lanes(d) <= count) return all;
  return hn::IfThenElseZero(hn::FirstN(d, count - i), all);
}

ByteRange rangeInside(const std::uint8_t* values, const std::uint8_t* inside, std::size_t count) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V low = hn::Set(d, 255);
  V high = hn::Zero(d);
  for (std::size_t i = 0; i < count; i += lanes) {
    const V value = hn::LoadU(d, values + i);
    const V in = insideOf(d, inside, i, count);
    low = hn::Min(low, hn::Or(value, hn::Not(in)));
    high = hn::Max(high, hn::And(value, in));
  }
  // Highway reduces no bytes on all targets: their pairs, as 16-bit lanes, first.
  const hn::Repartition<std::uint16_t, D> pairs;
  const auto even = [&](V v) HWY_ATTR { return hn::And(hn::BitCast(pairs, v), hn::Set(pairs, 0xFF)); };
  const auto odd = [&](V v) HWY_ATTR { return hn::ShiftRight<8>(hn::BitCast(pairs, v)); };
  const auto least = hn::MinOfLanes(pairs, hn::Min(even(low), odd(low)));
  const auto greatest = hn::MaxOfLanes(pairs, hn::Max(even(high), odd(high)));
  return {static_cast<std::uint8_t>(hn::GetLane(least)), static_cast<std::uint8_t>(hn::GetLane(greatest))};
}

HWY_INLINE std::uint32_t sumOf(D d, V counts) {
  const hn::Repartition<std::uint64_t, D> wide;
  (void)d;
  return static_cast<std::uint32_t>(hn::GetLane(hn::SumOfLanes(wide, hn::SumsOf8(counts))));
}

// Counts at most 255 in a lane, then widens.
template <class InsideAt>
HWY_INLINE std::uint32_t countUpTo(D d, const std::uint8_t* values, std::size_t count, std::uint8_t threshold,
                                   InsideAt&& insideAt) {
  const std::size_t lanes = hn::Lanes(d);
  const V limit = hn::Set(d, threshold);
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < count;) {
    const std::size_t part = count - i < 255 * lanes ? count : i + 255 * lanes;
    V counts = hn::Zero(d);
    for (; i < part; i += lanes) {
      const V value = hn::LoadU(d, values + i);
      const V upTo = hn::VecFromMask(d, hn::Eq(hn::Min(value, limit), value));
      counts = hn::Sub(counts, hn::And(upTo, insideAt(i)));  // 255 is -1
    }
    found += sumOf(d, counts);
  }
  return found;
}

std::uint32_t countInside(const std::uint8_t* values, const std::uint8_t* inside, std::size_t count,
                          std::uint8_t threshold) {
  const D d;
  return countUpTo(d, values, count, threshold,
                   [&](std::size_t i) HWY_ATTR { return insideOf(d, inside, i, count); });
}

// Up to 64 rows as bits of one word.
HWY_INLINE std::uint64_t bitsUpTo(D d, const std::uint8_t* values, std::size_t count,
                                  std::uint8_t threshold) {
  const std::size_t lanes = hn::Lanes(d);
  const V limit = hn::Set(d, threshold);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; i += lanes) {
    const V value = hn::LoadU(d, values + i);
    std::uint8_t bytes[8] = {};
    hn::StoreMaskBits(d, hn::Eq(hn::Min(value, limit), value), bytes);
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    bits |= word << i;
  }
  return bits;
}

void countRuns(const std::uint8_t* values, const ClassRun* runs, std::size_t runCount, std::uint8_t threshold,
               std::uint32_t* left) {
  const D d;
  std::size_t count = 0;
  for (std::size_t run = 0; run < runCount; ++run) count += runs[run].rows;
  if (count <= 64) {
    std::uint64_t bits = bitsUpTo(d, values, count, threshold);
    for (std::size_t run = 0; run < runCount; ++run) {
      const std::uint32_t rows = runs[run].rows;
      const std::uint64_t own = rows < 64 ? bits & ((std::uint64_t{1} << rows) - 1) : bits;
      left[run] = static_cast<std::uint32_t>(hwy::PopCount(own));
      bits = rows < 64 ? bits >> rows : 0;
    }
    return;
  }
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t run = 0; run < runCount; ++run) {
    const std::size_t rows = runs[run].rows;
    left[run] = countUpTo(d, values, rows, threshold, [&](std::size_t i) HWY_ATTR {
      return i + lanes <= rows ? hn::Set(d, 255) : hn::VecFromMask(d, hn::FirstN(d, rows - i));
    });
    values += rows;
  }
}

SplitKernel splitKernel() {
  return {hwy::TargetName(HWY_TARGET), ranges, rangeInside, countInside, countRuns};
}

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
