// Many trees: grown side by side, and asked for class probabilities.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "job_control.hpp"
#include "tree.hpp"
#include "tree_grower.hpp"

namespace flowglyph {

// Trees `first` to `first + count - 1` of the forest that the options name, in that order, whatever the
// number of threads. The control counts them; empty where it said stop.
std::vector<Tree> growTrees(const TrainingSet& set, const GrowOptions& options, std::uint32_t first,
                            std::uint32_t count, unsigned threads, JobControl& control);

// Trees one after the other, as they are stored: nodes and shares as in Tree.
struct ForestView {
  std::span<const std::int32_t> sizes;   // [trees][2]: nodes, mixed leaves
  std::span<const std::int32_t> child;   // [nodes of all]
  std::span<const std::int32_t> test;    // [nodes of all]
  std::span<const std::int32_t> shares;  // [mixed leaves of all][classes]
  std::size_t features = 0;
  std::size_t classes = 0;
};

// A forest that has been checked: asking it touches nothing that is not its own, and ends.
class Forest {
 public:
  // Copies. Throws std::invalid_argument unless sizes agree, children come after their parents, and features,
  // classes and shares are in range.
  explicit Forest(const ForestView& view);

  // `images`: rows of `features` bytes -> `probabilities` [rows][classes]: shares of the leaves, averaged
  // over the trees. Nothing depends on the number of threads. The control counts blocks of 128;
  // incomplete where it said stop.
  void predict(std::span<const std::uint8_t> images, std::span<float> probabilities, unsigned threads,
               JobControl& control) const;

 private:
  // A leaf is its own left child, and no byte is above its threshold: a step from it stays there, so that
  // several images can take their steps together.
  struct Node {
    std::uint32_t left;
    std::uint16_t feature;
    std::uint8_t threshold;
  };
  struct TreeStart {
    std::uint32_t root;
    std::uint32_t steps;  // to its deepest leaf
  };

  void addTree(const ForestView& view, std::size_t firstNode, std::size_t nodes, std::size_t firstShares,
               std::size_t mixed);
  void predictBlock(const std::uint8_t* images, std::size_t rows, float* probabilities) const;

  std::size_t features_;
  std::size_t classes_;
  std::vector<TreeStart> trees_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> leaf_;  // [nodes] of a leaf: a class, or classes + a row of shares_
  std::vector<std::uint32_t> shares_;
};

}  // namespace flowglyph
