// The truth that split_kernel.cpp is compared with: byte by byte, compiled without auto-vectorisation.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "forest/split_kernel.hpp"

namespace flowglyph {
namespace {

std::uint64_t ranges(const std::uint8_t* images, std::size_t stride, const std::uint32_t* order,
                     std::size_t count, std::size_t blockBytes, std::uint64_t blocks, std::uint8_t* low,
                     std::uint8_t* high) {
  std::uint64_t varying = 0;
  for (std::size_t block = 0; block < 64; ++block) {
    if ((blocks >> block & 1) == 0) continue;
    for (std::size_t at = block * blockBytes; at < (block + 1) * blockBytes; ++at) {
      low[at] = 255;
      high[at] = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t value = images[order[i] * stride + at];
        low[at] = std::min(low[at], value);
        high[at] = std::max(high[at], value);
      }
      if (low[at] != high[at]) varying |= std::uint64_t{1} << block;
    }
  }
  return varying;
}

ByteRange rangeInside(const std::uint8_t* values, const std::uint8_t* inside, std::size_t count) {
  ByteRange range{255, 0};
  for (std::size_t i = 0; i < count; ++i) {
    if (inside[i] == 0) continue;
    range.low = std::min(range.low, values[i]);
    range.high = std::max(range.high, values[i]);
  }
  return range;
}

std::uint32_t countInside(const std::uint8_t* values, const std::uint8_t* inside, std::size_t count,
                          std::uint8_t threshold) {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < count; ++i) found += inside[i] != 0 && values[i] <= threshold;
  return found;
}

void countRuns(const std::uint8_t* values, const ClassRun* runs, std::size_t runCount, std::uint8_t threshold,
               std::uint32_t* left) {
  for (std::size_t run = 0; run < runCount; ++run) {
    left[run] = 0;
    for (std::uint32_t i = 0; i < runs[run].rows; ++i) left[run] += *values++ <= threshold;
  }
}

}  // namespace

SplitKernel scalarSplitKernel() { return {"scalar", ranges, rangeInside, countInside, countRuns}; }

SplitKernel selectSplitKernel() {
  const char* forced = std::getenv("FLOWGLYPH_SIMD");
  return forced != nullptr && std::strcmp(forced, "scalar") == 0 ? scalarSplitKernel() : vectorSplitKernel();
}

}  // namespace flowglyph
