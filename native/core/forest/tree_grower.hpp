// Grows extremely randomised trees (Geurts, Ernst, Wehenkel, Machine Learning 63, 2006), as scikit-learn's
// ExtraTreesClassifier does: every tree sees all rows; at each node some features are drawn, one uniformly
// random threshold each, and the split of least Gini impurity is made, until leaves are pure or cannot be
// split.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "random32.hpp"
#include "training_set.hpp"
#include "tree.hpp"

namespace flowglyph {

// What a node does with drawn features that have one value in all of its rows.
enum class ConstantFeatures : std::uint8_t {
  counted,  // they count as tried (scikit-learn), though at least one other is tried where there is one
  skipped,  // others are drawn in their place
};

struct GrowOptions {
  std::uint64_t seed = 0;
  std::size_t tries = 1;  // features that a node draws
  ConstantFeatures constants = ConstantFeatures::counted;
};

// Holds the working memory of one thread. The set must outlive it.
class TreeGrower {
 public:
  TreeGrower(const TrainingSet& set, const GrowOptions& options);

  // Depends on the set, the options and the number alone.
  Tree grow(std::uint32_t number);

 private:
  // A node to be split: rows [begin, end) of order_, its classes at runs_[firstRun, firstRun + runs).
  struct Work {
    std::uint32_t node;
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t firstRun;
    std::uint32_t runs;
    std::uint32_t constants;  // so many of candidates_ are known to be constant here
    std::uint64_t blocks;     // of a row: outside of them everything is constant here
  };
  struct Split {
    std::uint32_t feature = 0;
    std::uint8_t threshold = 0;
    double score = -1;  // below every real one
  };

  Split chooseSplit(Work& work, Random32& random);
  bool tryFeature(const Work& work, std::uint32_t feature, Random32& random, Split& best);
  void split(Tree& tree, const Work& work, const Split& best);
  void child(Tree& tree, const Work& child);
  void enter(Work& work);
  void leave(const Work& work);
  ByteRange rangeOf(const Work& work, std::uint32_t feature) const;
  void countLeft(const Work& work, std::uint32_t feature, std::uint8_t threshold);
  std::uint32_t partition(const Work& work, const Split& best);
  void mixedLeaf(Tree& tree, const Work& work);

  const TrainingSet& set_;
  GrowOptions options_;
  SplitKernel kernel_;
  std::vector<std::uint32_t> order_;       // rows of the set, by node
  std::vector<std::uint32_t> rightRows_;   // scratch of partition
  std::vector<std::uint16_t> candidates_;  // features; those known to be constant in front
  bool dense_ = false;                     // how the node at hand is scanned: see enter()
  std::vector<std::uint8_t> inside_;       // dense: 255 for the node's rows, 0 for the others
  std::vector<std::uint8_t> low_;          // otherwise: least and greatest byte of each feature in its rows
  std::vector<std::uint8_t> high_;
  std::vector<std::uint8_t> values_;  // and the bytes of the feature that is being tried
  std::vector<std::uint32_t> left_;   // rows that go left, by class run of the node
  std::vector<std::uint32_t> bestLeft_;
  std::vector<ClassRun> runs_;  // a stack beside work_
  std::vector<Work> work_;
};

}  // namespace flowglyph
