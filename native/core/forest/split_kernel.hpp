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

// Rows of a training set that lie within 64 neighbours, and are of one class: as bits of a mask.
struct RowGroup {
  std::uint32_t first;  // the row of the lowest bit, a multiple of kGroupRows
  std::uint32_t run;    // which class run of the node: 0 for the first
  std::uint64_t rows;   // not 0
};
inline constexpr std::size_t kGroupRows = 64;

// Images lie this far apart, or a multiple of it.
inline constexpr std::size_t kBlockAlign = 64;
// Few rows: so many at most, so that squares and products of their counts are small numbers.
inline constexpr std::size_t kFewRows = 32;
// Values of so many features lie side by side where few rows are scored.
inline constexpr std::size_t kAbreast = 32;

struct SplitKernel {
  std::string_view name;  // of the instruction set, or "scalar"
  // Least and greatest byte of a column in a node. The column's bytes are read in whole groups.
  ByteRange (*rangeOf)(const std::uint8_t* column, const RowGroup* groups, std::size_t count);
  // left[i] = the rows of groups[i] whose byte is at most `threshold`; counts[i] = the number of those of
  // groups[0..i].
  void (*rowsUpTo)(const std::uint8_t* column, const RowGroup* groups, std::size_t count,
                   std::uint8_t threshold, std::uint64_t* left, std::uint32_t* counts);
  // The rows[0..count) (count at least 1), cut into blocks of blockBytes, kBlockAlign times a power of two:
  // least and greatest byte at each place of the blocks whose bit in `blocks` is set. The places that vary go
  // to `varying`, in ascending order, behind which kBlockAlign more may be written. Returns how many they
  // are; `blocks` loses the bits of blocks where none does.
  std::size_t (*ranges)(const std::uint8_t* const* rows, std::size_t count, std::size_t blockBytes,
                        std::uint64_t& blocks, std::uint8_t* low, std::uint8_t* high, std::uint32_t* varying);
  // The best of `count` (1 to kAbreast) splits of at most kFewRows rows, values[row][kAbreast], by least
  // Gini impurity, which is that of greatest scores[i] = sum of squares of left counts / left rows + the same
  // of the right ones. Both sides of every split hold a row. Returns the first one of the best.
  std::size_t (*bestOfFew)(const std::uint8_t* values, const std::uint8_t* thresholds, std::size_t count,
                           const ClassRun* runs, std::size_t runCount, float* scores);
};

// The widest instruction set of this machine; the scalar twin where the environment says
// FLOWGLYPH_SIMD=scalar.
SplitKernel selectSplitKernel();
SplitKernel vectorSplitKernel();
SplitKernel scalarSplitKernel();

}  // namespace flowglyph
