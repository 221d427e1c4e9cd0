// Grows extremely randomised trees (Geurts, Ernst, Wehenkel, Machine Learning 63, 2006), as scikit-learn's
// ExtraTreesClassifier does: every tree sees all rows; at each node some features are drawn, one uniformly
// random threshold each, and the split of least Gini impurity is made, until leaves are pure or cannot be
// split.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "draw.hpp"
#include "few_rows.hpp"
#include "random32.hpp"
#include "training_set.hpp"
#include "tree.hpp"
#include "tree_builder.hpp"

namespace flowglyph {

// Holds the working memory of one thread. The set must outlive it.
class TreeGrower {
 public:
  TreeGrower(const TrainingSet& set, const GrowOptions& options);

  // Depends on the set, the options and the number alone.
  Tree grow(std::uint32_t number);

 private:
  // A node to be split: its rows are groups_[firstGroup, firstGroup + groups), its classes
  // runs_[firstRun, firstRun + runs), and each run's groups lie together.
  struct Work {
    std::uint32_t node;
    std::uint32_t rows;
    std::uint32_t firstGroup;
    std::uint32_t groups;
    std::uint32_t firstRun;
    std::uint32_t runs;
    std::uint32_t constants;  // so many of candidates_ are known to be constant here
  };

  void start(Tree& tree);
  Split chooseSplit(Work& work, Random32& random);
  void draw(std::uint32_t from, std::uint32_t count, Random32& random);
  void tryFeature(const Work& work, std::uint32_t feature, std::uint8_t threshold, Split& best);
  void split(Tree& tree, const Work& work, const Split& best);
  void child(Tree& tree, const Work& child);
  void growFew(Tree& tree, const Work& work, Random32& random);

  const TrainingSet& set_;
  GrowOptions options_;
  SplitKernel kernel_;
  FewRowsGrower few_;
  std::vector<RowGroup> groups_;  // a stack beside work_
  std::vector<RowGroup> leftGroups_;
  std::vector<ClassRun> leftRuns_;
  // Of each group of the node at hand the rows that go left, and their number up to it.
  struct Left {
    std::vector<std::uint64_t> rows;
    std::vector<std::uint32_t> counts;
  };
  Left left_;
  Left bestLeft_;
  std::vector<std::uint32_t> lastGroup_;   // of each run of the node at hand
  std::vector<std::uint32_t> candidates_;  // features; those known to be constant in front
  std::vector<std::uint32_t> rest_;        // beside candidates_: what their draws left for thresholds
  std::vector<ClassRun> runs_;             // a stack beside work_
  std::vector<Work> work_;
};

}  // namespace flowglyph
