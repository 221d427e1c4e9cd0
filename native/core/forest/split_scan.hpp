// What trying a split costs: the bytes of one feature in a node's rows, their range, and how many of them are
// up to a threshold.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace flowglyph {

struct ByteRange {
  std::uint8_t low;
  std::uint8_t high;
};

// to[i] = from[rows[i] * stride]
inline void gatherBytes(const std::uint8_t* from, std::size_t stride, const std::uint32_t* rows,
                        std::size_t count, std::uint8_t* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[rows[i] * stride];
}

// Plain loops: the compiler makes 16 bytes a step of them.
inline ByteRange rangeOf(const std::uint8_t* values, std::size_t count) {
  std::uint8_t low = 255;
  std::uint8_t high = 0;
  for (std::size_t i = 0; i < count; ++i) {
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
  }
  return {low, high};
}

inline std::uint32_t countUpTo(const std::uint8_t* values, std::size_t count, std::uint8_t threshold) {
  // Sums of 255 fit in a byte, so that lanes need no widening in between.
  constexpr std::size_t kStep = 240;
  std::uint32_t total = 0;
  std::size_t i = 0;
  for (; i + 16 <= count;) {
    const std::size_t step = std::min(kStep, (count - i) / 16 * 16);
    std::uint8_t sum = 0;
    for (std::size_t k = 0; k < step; ++k)
      sum = static_cast<std::uint8_t>(sum + (values[i + k] <= threshold));
    total += sum;
    i += step;
  }
  for (; i < count; ++i) total += values[i] <= threshold;
  return total;
}

}  // namespace flowglyph
