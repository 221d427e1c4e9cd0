// The loops that growing a tree spends its time in, once with Highway and once plainly. Both give the same
// numbers; tests hold them to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flowglyph {

// So many rows of one class, in a node whose rows are sorted by class.
struct ClassRun {
  std::uint32_t label;
  std::uint32_t rows;
};

struct ByteRange {
  std::uint8_t low;
  std::uint8_t high;
};

// So many bytes after the end of what a kernel is given may be read, and are not looked at.
inline constexpr std::size_t kSlack = 64;
// Images lie this far apart, or a multiple of it.
inline constexpr std::size_t kBlockAlign = 64;

struct SplitKernel {
  std::string_view name;  // of the instruction set, or "scalar"
  // The images images + order[i] * stride, cut into blocks of `blockBytes` (a multiple of kBlockAlign): least
  // and greatest byte at each place of the blocks whose bit in `blocks` is set. Returns which of them hold a
  // place that varies. count is at least 1.
  std::uint64_t (*ranges)(const std::uint8_t* images, std::size_t stride, const std::uint32_t* order,
                          std::size_t count, std::size_t blockBytes, std::uint64_t blocks, std::uint8_t* low,
                          std::uint8_t* high);
  // Over values[i] with inside[i] = 255, not 0. Slack in both.
  ByteRange (*rangeInside)(const std::uint8_t* values, const std::uint8_t* inside, std::size_t count);
  // Of the same, those that are at most `threshold`. Slack in both.
  std::uint32_t (*countInside)(const std::uint8_t* values, const std::uint8_t* inside, std::size_t count,
                               std::uint8_t threshold);
  // left[r] = values of run r that are at most `threshold`; the runs lie one after the other. Slack in
  // values.
  void (*countRuns)(const std::uint8_t* values, const ClassRun* runs, std::size_t runCount,
                    std::uint8_t threshold, std::uint32_t* left);
};

// The widest instruction set of this machine; the scalar twin where the environment says
// FLOWGLYPH_SIMD=scalar.
SplitKernel selectSplitKernel();
SplitKernel vectorSplitKernel();
SplitKernel scalarSplitKernel();

}  // namespace flowglyph
