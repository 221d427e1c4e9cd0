// See forest.hpp.
#include "forest.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>

#include "task_team.hpp"

namespace flowglyph {
namespace {

constexpr std::size_t kBlock = 128;        // images that meet all trees before the next ones do: 100 kB
constexpr std::size_t kImagesAbreast = 8;  // images that go down a tree together, so that their loads overlap

[[noreturn]] void refuse(const char* problem) { throw std::invalid_argument(problem); }

}  // namespace

std::vector<Tree> growTrees(const TrainingSet& set, const GrowOptions& options, std::uint32_t first,
                            std::uint32_t count, unsigned threads, JobControl& control) {
  std::vector<Tree> trees(count);
  const unsigned workers = std::max(1U, std::min(threads, count));
  TaskTeam team(workers);
  std::atomic<std::uint32_t> next{0};
  team.run(workers, [&](std::size_t) {
    TreeGrower grower(set, options);
    for (std::uint32_t i; !control.stop && (i = next.fetch_add(1)) < count;) {
      trees[i] = grower.grow(first + i);
      control.done.fetch_add(1);
    }
  });
  if (control.stop) trees.clear();
  return trees;
}

Forest::Forest(const ForestView& view) : features_(view.features), classes_(view.classes) {
  const std::size_t trees = view.sizes.size() / 2;
  if (view.features == 0 || view.features > 65535 || view.classes == 0)
    refuse("Expected features and classes");
  if (trees == 0 || trees > kMaxTrees || view.sizes.size() % 2 != 0)
    refuse("Expected sizes of 1 to 4096 trees");
  std::size_t nodes = 0;
  std::size_t mixed = 0;
  for (std::size_t i = 0; i < view.sizes.size(); i += 2) {
    if (view.sizes[i] < 1 || view.sizes[i + 1] < 0) refuse("Expected trees of at least one node");
    nodes += static_cast<std::size_t>(view.sizes[i]);
    mixed += static_cast<std::size_t>(view.sizes[i + 1]);
  }
  if (nodes != view.child.size() || nodes != view.test.size() || nodes > 0x7fffffff ||
      mixed * classes_ != view.shares.size()) {
    refuse("Expected as many nodes and shares as the sizes of the trees say");
  }
  for (const std::int32_t share : view.shares) {
    if (share < 0 || static_cast<std::uint32_t>(share) > kShareParts)
      refuse("Expected shares from 0 to 4096");
  }
  shares_.assign(view.shares.begin(), view.shares.end());
  nodes_.reserve(nodes);
  leaf_.reserve(nodes);
  trees_.reserve(trees);
  std::size_t firstShares = 0;
  for (std::size_t tree = 0; tree < trees; ++tree) {
    const auto count = static_cast<std::size_t>(view.sizes[2 * tree]);
    const auto leaves = static_cast<std::size_t>(view.sizes[2 * tree + 1]);
    addTree(view, nodes_.size(), count, firstShares, leaves);
    firstShares += leaves;
  }
}

void Forest::addTree(const ForestView& view, std::size_t firstNode, std::size_t nodes,
                     std::size_t firstShares, std::size_t mixed) {
  std::vector<std::uint32_t> depth(nodes);
  std::uint32_t steps = 0;
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::int32_t child = view.child[firstNode + i];
    const std::int32_t test = view.test[firstNode + i];
    const auto self = static_cast<std::uint32_t>(firstNode + i);
    if (child < 0) {
      const auto kind = static_cast<std::uint32_t>(-1 - child);
      if (kind >= classes_ + mixed) refuse("Expected leaves of a known class or share");
      nodes_.push_back({self, 0, 255});
      leaf_.push_back(kind < classes_ ? kind : kind + static_cast<std::uint32_t>(firstShares));
      steps = std::max(steps, depth[i]);
      continue;
    }
    const auto left = static_cast<std::size_t>(child);
    if (left <= i || left + 1 >= nodes) refuse("Expected children after their parents, within their tree");
    if (test < 0 || static_cast<std::size_t>(test >> 8) >= features_) refuse("Expected a known feature");
    depth[left] = std::max(depth[left], depth[i] + 1);
    depth[left + 1] = std::max(depth[left + 1], depth[i] + 1);
    nodes_.push_back({static_cast<std::uint32_t>(firstNode + left), static_cast<std::uint16_t>(test >> 8),
                      static_cast<std::uint8_t>(test & 255)});
    leaf_.push_back(0);
  }
  trees_.push_back({static_cast<std::uint32_t>(firstNode), steps});
}

void Forest::predict(std::span<const std::uint8_t> images, std::span<float> probabilities, unsigned threads,
                     JobControl& control) const {
  const std::size_t rows = images.size() / features_;
  if (images.size() != rows * features_ || probabilities.size() != rows * classes_) {
    refuse("Expected whole images, and a probability for each image and class");
  }
  const std::size_t blocks = (rows + kBlock - 1) / kBlock;
  TaskTeam team(static_cast<unsigned>(std::max<std::size_t>(1, std::min<std::size_t>(threads, blocks))));
  team.run(blocks, [&](std::size_t block) {
    if (control.stop) return;
    const std::size_t first = block * kBlock;
    predictBlock(images.data() + first * features_, std::min(kBlock, rows - first),
                 probabilities.data() + first * classes_);
    control.done.fetch_add(1);
  });
}

void Forest::predictBlock(const std::uint8_t* images, std::size_t rows, float* probabilities) const {
  std::vector<std::uint32_t> votes(rows * classes_);
  for (const TreeStart& tree : trees_) {
    for (std::size_t first = 0; first < rows; first += kImagesAbreast) {
      const std::size_t abreast = std::min(kImagesAbreast, rows - first);
      std::array<std::uint32_t, kImagesAbreast> at;
      at.fill(tree.root);
      std::array<const std::uint8_t*, kImagesAbreast> image;
      for (std::size_t i = 0; i < kImagesAbreast; ++i) {
        image[i] = images + (first + std::min(i, abreast - 1)) * features_;
      }
      for (std::uint32_t step = 0; step < tree.steps; ++step) {
        std::uint32_t moved = 0;
        for (std::size_t i = 0; i < kImagesAbreast; ++i) {
          const Node node = nodes_[at[i]];
          const std::uint32_t next = node.left + (image[i][node.feature] > node.threshold);
          moved |= next ^ at[i];
          at[i] = next;
        }
        if (moved == 0) break;
      }
      for (std::size_t i = 0; i < abreast; ++i) {
        std::uint32_t* vote = votes.data() + (first + i) * classes_;
        const std::uint32_t kind = leaf_[at[i]];
        if (kind < classes_) {
          vote[kind] += kShareParts;
        } else {
          const std::uint32_t* shares = shares_.data() + (kind - classes_) * classes_;
          for (std::size_t label = 0; label < classes_; ++label) vote[label] += shares[label];
        }
      }
    }
  }
  // Both numbers are exact in float32, so there is one rounding: the same as onnxruntime's.
  const auto trees = static_cast<float>(trees_.size());
  for (std::size_t i = 0; i < votes.size(); ++i) {
    probabilities[i] = static_cast<float>(votes[i]) / static_cast<float>(kShareParts) / trees;
  }
}

}  // namespace flowglyph
