// How a growing tree is written down: see tree.hpp for what the numbers mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "split_kernel.hpp"
#include "tree.hpp"

namespace flowglyph {

// What may become of a node.
struct Split {
  std::uint32_t feature = 0;
  std::uint8_t threshold = 0;
  double score = -1;  // below every real one: no split
};

// The node gets two children. Returns the left one's number; the right one's is the next.
std::uint32_t writeSplit(Tree& tree, std::uint32_t node, std::uint32_t feature, std::uint8_t threshold);

// A leaf of the rows of these runs: of their class, or, of several classes that nothing tells apart, of
// shares.
void writeLeaf(Tree& tree, std::uint32_t node, std::span<const ClassRun> runs, std::size_t classes);

}  // namespace flowglyph
