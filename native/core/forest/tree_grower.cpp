// See tree_grower.hpp.
#include "tree_grower.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

namespace flowglyph {
namespace {

// A node that holds at least one row in so many of those between its first and its last is dense. Measured on
// images of 784 bytes with AVX2 and AVX-512: 8 to 16 differ little, and 2 costs a quarter more.
constexpr std::uint32_t kDense = 12;

}  // namespace

TreeGrower::TreeGrower(const TrainingSet& set, const GrowOptions& options)
    : set_(set),
      options_(options),
      kernel_(selectSplitKernel()),
      order_(set.rows()),
      rightRows_(set.rows()),
      candidates_(set.features()),
      inside_(set.rows() + kSlack),
      low_(set.stride()),
      high_(set.stride()),
      values_(set.rows() + kSlack),
      left_(set.classes()),
      bestLeft_(set.classes()) {}

Tree TreeGrower::grow(std::uint32_t number) {
  Random32 random(options_.seed, number);
  Tree tree;
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::copy(set_.constantsFirst(), candidates_.begin());
  runs_.assign(set_.runs().begin(), set_.runs().end());
  work_.clear();
  tree.child.push_back(0);
  tree.test.push_back(0);
  child(tree, {.node = 0,
               .begin = 0,
               .end = static_cast<std::uint32_t>(set_.rows()),
               .firstRun = 0,
               .runs = static_cast<std::uint32_t>(runs_.size()),
               .constants = static_cast<std::uint32_t>(set_.constants()),
               .blocks = ~std::uint64_t{0} >> (64 - set_.stride() / set_.blockBytes())});
  // Depth first, so that candidates_ keeps a node's constants in front while its descendants permute the
  // rest, and that runs_ ends with the runs of the node at hand.
  while (!work_.empty()) {
    Work work = work_.back();
    work_.pop_back();
    const Split best = chooseSplit(work, random);
    if (best.score < 0) {
      mixedLeaf(tree, work);
    } else {
      split(tree, work, best);
    }
  }
  return tree;
}

// Adds the features that it finds to be constant to work.constants. A known constant is told by its place in
// candidates_ alone, so drawing one moves nothing: it only leaves one less to draw.
TreeGrower::Split TreeGrower::chooseSplit(Work& work, Random32& random) {
  enter(work);
  Split best;
  const bool counted = options_.constants == ConstantFeatures::counted;
  const std::uint32_t known = work.constants;
  std::uint32_t drawn = counted ? 0 : known;  // known constants that are out of the draw
  std::uint32_t constants = known;
  auto undrawn = static_cast<std::uint32_t>(set_.features());  // candidates_[undrawn...] were tried
  std::size_t tries = options_.tries;
  bool tried = false;
  while (undrawn > constants && (tries > 0 || !tried)) {
    if (tries > 0) --tries;
    const std::uint32_t found = constants - known;
    std::uint32_t at = drawn + random.below(undrawn - found - drawn);
    if (at < known) {
      ++drawn;
      continue;
    }
    at += found;
    const std::uint16_t feature = candidates_[at];
    if (!tryFeature(work, feature, random, best)) {
      candidates_[at] = std::exchange(candidates_[constants++], feature);
      if (!counted) ++tries;
      continue;
    }
    tried = true;
    candidates_[at] = std::exchange(candidates_[--undrawn], feature);
    // Both sides pure: nothing is better, and an equal one would come later.
    if (best.score == work.end - work.begin) break;
  }
  work.constants = constants;
  leave(work);
  return best;
}

// False where the feature is constant. Otherwise one random threshold, kept where it is the best so far.
bool TreeGrower::tryFeature(const Work& work, std::uint32_t feature, Random32& random, Split& best) {
  const auto [low, high] = rangeOf(work, feature);
  if (low >= high) return false;
  const auto threshold =
      static_cast<std::uint8_t>(low + random.below(static_cast<std::uint32_t>(high - low)));
  countLeft(work, feature, threshold);
  // Least weighted Gini impurity = greatest sum over both sides of (sum of squared counts) / rows.
  std::uint64_t leftSquares = 0;
  std::uint64_t rightSquares = 0;
  std::uint32_t leftRows = 0;
  for (std::uint32_t i = 0; i < work.runs; ++i) {
    const std::uint64_t left = left_[i];
    const std::uint64_t right = runs_[work.firstRun + i].rows - left;
    leftRows += left_[i];
    leftSquares += left * left;
    rightSquares += right * right;
  }
  const std::uint32_t rightRows = work.end - work.begin - leftRows;
  const double score =
      static_cast<double>(leftSquares) / leftRows + static_cast<double>(rightSquares) / rightRows;
  if (score > best.score) {
    best = {.feature = feature, .threshold = threshold, .score = score};
    std::swap(left_, bestLeft_);
  }
  return true;
}

// How the node's features are scanned, by what costs less. Dense: one feature after the other over all rows
// between the node's first and last, those of other nodes masked out. Otherwise every feature's range at
// once, image by image, which tells constants for nothing; then only the bytes of features that vary are
// gathered.
void TreeGrower::enter(Work& work) {
  const std::uint32_t* order = order_.data() + work.begin;
  const std::uint32_t rows = work.end - work.begin;
  dense_ = order[rows - 1] - order[0] < rows * kDense && rows > 64;
  if (dense_) {
    for (std::uint32_t i = 0; i < rows; ++i) inside_[order[i]] = 255;
  } else {
    work.blocks = kernel_.ranges(set_.row(0), set_.stride(), order, rows, set_.blockBytes(), work.blocks,
                                 low_.data(), high_.data());
  }
}

void TreeGrower::leave(const Work& work) {
  if (!dense_) return;
  for (std::uint32_t i = work.begin; i < work.end; ++i) inside_[order_[i]] = 0;
}

ByteRange TreeGrower::rangeOf(const Work& work, std::uint32_t feature) const {
  if (dense_) {
    const std::uint32_t first = order_[work.begin];
    const std::uint32_t last = order_[work.end - 1];
    return kernel_.rangeInside(set_.column(feature) + first, inside_.data() + first, last - first + 1);
  }
  if ((work.blocks >> set_.blockOf(feature) & 1) == 0) return {0, 0};
  return {low_[feature], high_[feature]};
}

// Into left_, by class run.
void TreeGrower::countLeft(const Work& work, std::uint32_t feature, std::uint8_t threshold) {
  const std::uint32_t* order = order_.data() + work.begin;
  if (dense_) {
    // Rows are in ascending order within a run.
    for (std::uint32_t i = 0; i < work.runs; ++i) {
      const std::uint32_t rows = runs_[work.firstRun + i].rows;
      const std::uint32_t first = order[0];
      left_[i] = kernel_.countInside(set_.column(feature) + first, inside_.data() + first,
                                     order[rows - 1] - first + 1, threshold);
      order += rows;
    }
    return;
  }
  const std::uint8_t* bytes = set_.row(0) + feature;
  const std::size_t stride = set_.stride();
  const std::uint32_t rows = work.end - work.begin;
  std::uint8_t* values = values_.data();
  for (std::uint32_t i = 0; i < rows; ++i) values[i] = bytes[order[i] * stride];
  kernel_.countRuns(values, runs_.data() + work.firstRun, work.runs, threshold, left_.data());
}

void TreeGrower::split(Tree& tree, const Work& work, const Split& best) {
  const auto left = static_cast<std::uint32_t>(tree.child.size());
  tree.child[work.node] = static_cast<std::int32_t>(left);
  tree.test[work.node] = static_cast<std::int32_t>(best.feature * 256 + best.threshold);
  tree.child.resize(left + 2);
  tree.test.resize(left + 2);
  const std::uint32_t middle = partition(work, best);
  // The node's runs become those of its right child, with those of the left one, which is next, behind them.
  std::uint32_t rightRuns = work.firstRun;
  const std::size_t all = work.firstRun + work.runs;
  runs_.resize(all);
  for (std::uint32_t i = 0; i < work.runs; ++i) {
    const ClassRun run = runs_[work.firstRun + i];
    if (bestLeft_[i] > 0) runs_.push_back({run.label, bestLeft_[i]});
    if (bestLeft_[i] < run.rows) runs_[rightRuns++] = {run.label, run.rows - bestLeft_[i]};
  }
  const auto leftRuns = static_cast<std::uint32_t>(runs_.size() - all);
  std::move(runs_.begin() + static_cast<std::ptrdiff_t>(all), runs_.end(), runs_.begin() + rightRuns);
  runs_.resize(rightRuns + leftRuns);
  child(tree,
        {left + 1, middle, work.end, work.firstRun, rightRuns - work.firstRun, work.constants, work.blocks});
  child(tree, {left, work.begin, middle, rightRuns, leftRuns, work.constants, work.blocks});
}

// A leaf where all rows are of one class, else work.
void TreeGrower::child(Tree& tree, const Work& child) {
  if (child.runs > 1) {
    work_.push_back(child);
  } else {
    tree.child[child.node] = -1 - static_cast<std::int32_t>(runs_[child.firstRun].label);
  }
}

// Rows up to the threshold first, both sides in their old order: sorted by class. Returns where the right
// side begins.
std::uint32_t TreeGrower::partition(const Work& work, const Split& best) {
  std::uint32_t* order = order_.data() + work.begin;
  const std::uint32_t rows = work.end - work.begin;
  const std::uint8_t* bytes = dense_ ? set_.column(best.feature) : set_.row(0) + best.feature;
  const std::size_t stride = dense_ ? 1 : set_.stride();
  std::uint32_t left = 0;
  std::uint32_t right = 0;
  for (std::uint32_t i = 0; i < rows; ++i) {
    const std::uint32_t row = order[i];
    const bool goesRight = bytes[row * stride] > best.threshold;
    order[left] = row;
    rightRows_[right] = row;
    left += !goesRight;
    right += goesRight;
  }
  std::memcpy(order + left, rightRows_.data(), right * sizeof(std::uint32_t));
  return work.begin + left;
}

// Rows that no byte tells apart, of several classes: shares rounded down, and what is left to the classes
// that lost most by it, the first of equal ones.
void TreeGrower::mixedLeaf(Tree& tree, const Work& work) {
  const std::size_t first = tree.shares.size();
  const std::size_t number = first / set_.classes();
  tree.child[work.node] = -1 - static_cast<std::int32_t>(set_.classes() + number);
  tree.shares.resize(first + set_.classes());
  const std::uint64_t rows = work.end - work.begin;
  std::uint32_t given = 0;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> lost;
  for (std::uint32_t i = 0; i < work.runs; ++i) {
    const ClassRun run = runs_[work.firstRun + i];
    const std::uint64_t parts = std::uint64_t{run.rows} * kShareParts;
    tree.shares[first + run.label] = static_cast<std::int32_t>(parts / rows);
    given += static_cast<std::uint32_t>(parts / rows);
    lost.emplace_back(parts % rows, run.label);
  }
  std::ranges::stable_sort(lost, [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::uint32_t i = 0; i < kShareParts - given; ++i) ++tree.shares[first + lost[i].second];
}

}  // namespace flowglyph
