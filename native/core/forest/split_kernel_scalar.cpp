// The truth that split_kernel.cpp is compared with: byte by byte, compiled without auto-vectorisation.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "forest/split_kernel.hpp"

namespace flowglyph {
namespace {

ByteRange rangeOf(const std::uint8_t* column, const RowGroup* groups, std::size_t count) {
  ByteRange range{255, 0};
  for (std::size_t i = 0; i < count; ++i) {
    for (std::uint64_t left = groups[i].rows; left != 0; left &= left - 1) {
      const std::uint8_t value = column[groups[i].first + static_cast<unsigned>(std::countr_zero(left))];
      range.low = std::min(range.low, value);
      range.high = std::max(range.high, value);
    }
  }
  return range;
}

void rowsUpTo(const std::uint8_t* column, const RowGroup* groups, std::size_t count, std::uint8_t threshold,
              std::uint64_t* left, std::uint32_t* counts) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    left[i] = 0;
    for (std::size_t bit = 0; bit < kGroupRows; ++bit) {
      if ((groups[i].rows >> bit & 1) == 0 || column[groups[i].first + bit] > threshold) continue;
      left[i] |= std::uint64_t{1} << bit;
      ++sum;
    }
    counts[i] = sum;
  }
}

std::size_t ranges(const std::uint8_t* const* rows, std::size_t count, std::size_t blockBytes,
                   std::uint64_t& blocks, std::uint8_t* low, std::uint8_t* high, std::uint32_t* varying) {
  std::size_t found = 0;
  for (std::size_t block = 0; block < 64; ++block) {
    if ((blocks >> block & 1) == 0) continue;
    const std::size_t before = found;
    for (std::size_t at = block * blockBytes; at < (block + 1) * blockBytes; ++at) {
      low[at] = 255;
      high[at] = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t value = rows[i][at];
        low[at] = std::min(low[at], value);
        high[at] = std::max(high[at], value);
      }
      if (low[at] != high[at]) varying[found++] = static_cast<std::uint32_t>(at);
    }
    if (found == before) blocks &= ~(std::uint64_t{1} << block);
  }
  return found;
}

std::size_t bestOfFew(const std::uint8_t* values, const std::uint8_t* thresholds, std::size_t count,
                      const ClassRun* runs, std::size_t runCount, float* scores) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t sides[2] = {0, 0};
    std::uint32_t squares[2] = {0, 0};
    const std::uint8_t* value = values + i;
    for (std::size_t run = 0; run < runCount; ++run) {
      std::uint32_t left = 0;
      for (std::uint32_t row = 0; row < runs[run].rows; ++row, value += kAbreast)
        left += *value <= thresholds[i];
      const std::uint32_t right = runs[run].rows - left;
      sides[0] += left;
      sides[1] += right;
      squares[0] += left * left;
      squares[1] += right * right;
    }
    // One rounding of a quotient of small numbers: equal splits have equal scores, and others not.
    scores[i] = static_cast<float>(squares[0] * sides[1] + squares[1] * sides[0]) /
                static_cast<float>(sides[0] * sides[1]);
    if (scores[i] > scores[best]) best = i;
  }
  return best;
}

}  // namespace

SplitKernel scalarSplitKernel() { return {"scalar", rangeOf, rowsUpTo, ranges, bestOfFew}; }

SplitKernel selectSplitKernel() {
  const char* forced = std::getenv("FLOWGLYPH_SIMD");
  return forced != nullptr && std::strcmp(forced, "scalar") == 0 ? scalarSplitKernel() : vectorSplitKernel();
}

}  // namespace flowglyph
