// See tree_builder.hpp.
#include "tree_builder.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace flowglyph {

std::uint32_t writeSplit(Tree& tree, std::uint32_t node, std::uint32_t feature, std::uint8_t threshold) {
  const auto left = static_cast<std::uint32_t>(tree.child.size());
  tree.child[node] = static_cast<std::int32_t>(left);
  tree.test[node] = static_cast<std::int32_t>(feature * 256 + threshold);
  tree.child.resize(left + 2);
  tree.test.resize(left + 2);
  return left;
}

namespace {

// Shares rounded down, and what is left to the classes that lost most by it, the first of equal ones.
void writeShares(std::span<const ClassRun> runs, std::int32_t* shares) {
  std::uint64_t rows = 0;
  for (const ClassRun run : runs) rows += run.rows;
  std::uint32_t given = 0;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> lost;
  for (const ClassRun run : runs) {
    const std::uint64_t parts = std::uint64_t{run.rows} * kShareParts;
    shares[run.label] = static_cast<std::int32_t>(parts / rows);
    given += static_cast<std::uint32_t>(parts / rows);
    lost.emplace_back(parts % rows, run.label);
  }
  std::ranges::stable_sort(lost, [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::uint32_t i = 0; i < kShareParts - given; ++i) ++shares[lost[i].second];
}

}  // namespace

void writeLeaf(Tree& tree, std::uint32_t node, std::span<const ClassRun> runs, std::size_t classes) {
  if (runs.size() == 1) {
    tree.child[node] = -1 - static_cast<std::int32_t>(runs[0].label);
    return;
  }
  const std::size_t first = tree.shares.size();
  tree.child[node] = -1 - static_cast<std::int32_t>(classes + first / classes);
  tree.shares.resize(first + classes);
  writeShares(runs, tree.shares.data() + first);
}

}  // namespace flowglyph
