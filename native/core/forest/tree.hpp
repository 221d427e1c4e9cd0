// A decision tree on bytes, as growing makes it and as it is stored.
#pragma once

#include <cstdint>
#include <vector>

namespace flowglyph {

// Class shares of a leaf that no split can make pure are whole numbers of this many parts. With it every sum
// over up to kMaxTrees trees is a whole number below 2^24: exact in float32, in any order, so that whoever
// adds up the trees gets the same bits.
inline constexpr std::uint32_t kShareParts = 4096;
inline constexpr std::uint32_t kMaxTrees = 4096;

// Nodes by number, the root first; siblings lie next to each other, after their parent.
struct Tree {
  // Of an inner node the left child's number, the right one's is the next. Of a leaf -1 - k: k below the
  // number of classes is the one class of all its rows; beyond, k - classes is a row of `shares`.
  std::vector<std::int32_t> child;
  // Of an inner node feature * 256 + threshold: rows with a byte up to the threshold go left. Of a leaf 0.
  std::vector<std::int32_t> test;
  // [mixed leaves][classes], each row sums to kShareParts.
  std::vector<std::int32_t> shares;
};

}  // namespace flowglyph
