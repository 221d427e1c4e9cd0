// Grows what hangs below a node of few rows: most nodes of a tree. Its rows stay in the nearest cache, and
// each node looks at all of their bytes at once, which tells every constant feature.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "draw.hpp"
#include "training_set.hpp"
#include "tree_builder.hpp"

namespace flowglyph {

class FewRowsGrower {
 public:
  FewRowsGrower(const TrainingSet& set, const GrowOptions& options, const SplitKernel& kernel);

  // `node` has these rows, 2 to kFewRows, sorted by class as `runs` say: at least two.
  void grow(Tree& tree, std::uint32_t node, std::span<const std::uint32_t> rows,
            std::span<const ClassRun> runs, Random32& random);

 private:
  // Rows rows_[begin, end), classes runs_[firstRun, firstRun + runs).
  struct Work {
    std::uint32_t node;
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t firstRun;
    std::uint32_t runs;
    std::uint64_t blocks;  // of a row: outside of them everything is constant here
  };

  bool chooseSplit(Work& work, Random32& random, Split& split);
  void tryFeatures(const Work& work, std::size_t count, Random32& random, std::size_t first, Split& best);
  void gather(const std::uint8_t* row, std::size_t count, std::uint8_t* values) const;
  void divide(Tree& tree, const Work& work, const Split& split);
  void child(Tree& tree, const Work& child);

  const TrainingSet& set_;
  GrowOptions options_;
  SplitKernel kernel_;
  std::array<const std::uint8_t*, kFewRows> rows_{};  // bytes of each, by node
  std::vector<std::uint8_t> low_;                     // least and greatest byte of each feature in the node
  std::vector<std::uint8_t> high_;
  std::vector<std::uint32_t> varying_;  // features, the ones tried in front
  std::size_t varies_ = 0;
  std::array<std::uint32_t, kAbreast> tried_{};
  std::array<std::uint8_t, kFewRows * kAbreast> values_{};
  std::array<std::uint8_t, kAbreast> thresholds_{};
  std::array<float, kAbreast> scores_{};
  std::vector<ClassRun> runs_;  // a stack beside work_
  std::vector<Work> work_;
};

}  // namespace flowglyph
