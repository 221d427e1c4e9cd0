// See tree_grower.hpp.
#include "tree_grower.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace flowglyph {
namespace {

// So many features before one is looked at, its bytes are asked for: a set of a few thousand images does not
// fit the nearer caches. Of many groups the processor sees by itself that they follow each other.
constexpr std::uint32_t kAhead = 2;
constexpr std::size_t kPrefetched = 64;

void prefetch(const std::uint8_t* column, std::span<const RowGroup> groups) {
  for (const RowGroup& group : groups.first(std::min(groups.size(), kPrefetched)))
    __builtin_prefetch(column + group.first);
}

}  // namespace

TreeGrower::TreeGrower(const TrainingSet& set, const GrowOptions& options)
    : set_(set),
      options_(options),
      kernel_(selectSplitKernel()),
      few_(set, options, kernel_),
      lastGroup_(set.classes()),
      candidates_(set.features()),
      rest_(set.features()) {}

Tree TreeGrower::grow(std::uint32_t number) {
  Random32 random(options_.seed, number);
  Tree tree;
  start(tree);
  // Depth first, so that candidates_ keeps a node's constants in front while its descendants permute the
  // rest, and that runs_ and groups_ end with those of the node at hand.
  while (!work_.empty()) {
    Work work = work_.back();
    work_.pop_back();
    if (work.rows <= kFewRows) {
      growFew(tree, work, random);
      continue;
    }
    const Split best = chooseSplit(work, random);
    if (best.score < 0) {
      writeLeaf(tree, work.node, {runs_.data() + work.firstRun, work.runs}, set_.classes());
    } else {
      split(tree, work, best);
    }
  }
  return tree;
}

void TreeGrower::start(Tree& tree) {
  std::ranges::copy(set_.constantsFirst(), candidates_.begin());
  runs_.assign(set_.runs().begin(), set_.runs().end());
  groups_.clear();
  std::uint32_t row = 0;
  for (std::uint32_t run = 0; run < runs_.size(); ++run) {
    for (const std::uint32_t end = row + runs_[run].rows; row < end;) {
      const std::uint32_t bit = row % kGroupRows;
      const std::uint32_t count = std::min<std::uint32_t>(kGroupRows - bit, end - row);
      groups_.push_back({row - bit, run, ~std::uint64_t{0} >> (kGroupRows - count) << bit});
      row += count;
    }
  }
  work_.clear();
  tree.child.push_back(0);
  tree.test.push_back(0);
  child(tree, {.node = 0,
               .rows = static_cast<std::uint32_t>(set_.rows()),
               .firstGroup = 0,
               .groups = static_cast<std::uint32_t>(groups_.size()),
               .firstRun = 0,
               .runs = static_cast<std::uint32_t>(runs_.size()),
               .constants = static_cast<std::uint32_t>(set_.constants())});
}

// Adds the features that it finds to be constant to work.constants.
Split TreeGrower::chooseSplit(Work& work, Random32& random) {
  const RowGroup* groups = groups_.data() + work.firstGroup;
  for (Left* left : {&left_, &bestLeft_}) {
    left->rows.resize(std::max<std::size_t>(left->rows.size(), work.groups));
    left->counts.resize(left->rows.size());
  }
  for (std::uint32_t i = 0; i < work.groups; ++i) lastGroup_[groups[i].run] = i;
  const auto features = static_cast<std::uint32_t>(set_.features());
  std::uint32_t tries = drawsLeft(options_, features, work.constants, random);
  Split best;
  // candidates_: known constants, those found here, those tried, those not drawn yet.
  std::uint32_t drawn = work.constants;
  while (drawn < features && (tries > 0 || best.score < 0) && best.score < work.rows) {
    const std::uint32_t count = std::min(std::max(tries, 1U), features - drawn);
    draw(drawn, count, random);
    std::uint32_t varying = 0;
    for (const std::uint32_t end = drawn + count; drawn < end && best.score < work.rows; ++drawn) {
      const std::uint32_t feature = candidates_[drawn];
      if (drawn + kAhead < end) prefetch(set_.column(candidates_[drawn + kAhead]), {groups, work.groups});
      const auto [low, high] = kernel_.rangeOf(set_.column(feature), groups, work.groups);
      if (low == high) {
        candidates_[drawn] = std::exchange(candidates_[work.constants++], feature);
        continue;
      }
      ++varying;
      const std::uint64_t range = high - low;
      tryFeature(work, feature, static_cast<std::uint8_t>(low + (range * rest_[drawn] >> 32)), best);
    }
    const std::uint32_t done = options_.constants == ConstantFeatures::counted ? count : varying;
    tries -= std::min(tries, done);
  }
  return best;
}

// The next of a random order of candidates_[from...].
void TreeGrower::draw(std::uint32_t from, std::uint32_t count, Random32& random) {
  const auto features = static_cast<std::uint32_t>(set_.features());
  for (std::uint32_t i = from; i < from + count; ++i) {
    const auto [place, rest] = random.draw(features - i);
    std::swap(candidates_[i], candidates_[i + place]);
    rest_[i] = rest;
  }
}

// The split is kept where it is the best so far.
void TreeGrower::tryFeature(const Work& work, std::uint32_t feature, std::uint8_t threshold, Split& best) {
  kernel_.rowsUpTo(set_.column(feature), groups_.data() + work.firstGroup, work.groups, threshold,
                   left_.rows.data(), left_.counts.data());
  // Least weighted Gini impurity = greatest sum over both sides of (sum of squared counts) / rows.
  std::uint64_t leftSquares = 0;
  std::uint64_t rightSquares = 0;
  std::uint32_t leftRows = 0;
  for (std::uint32_t i = 0; i < work.runs; ++i) {
    const std::uint32_t counted = left_.counts[lastGroup_[i]];
    const std::uint64_t left = counted - leftRows;
    const std::uint64_t right = runs_[work.firstRun + i].rows - left;
    leftRows = counted;
    leftSquares += left * left;
    rightSquares += right * right;
  }
  const double score = static_cast<double>(static_cast<std::int64_t>(leftSquares)) / leftRows +
                       static_cast<double>(static_cast<std::int64_t>(rightSquares)) / (work.rows - leftRows);
  if (score > best.score) {
    best = {.feature = feature, .threshold = threshold, .score = score};
    std::swap(left_, bestLeft_);
  }
}

void TreeGrower::split(Tree& tree, const Work& work, const Split& best) {
  const std::uint32_t left = writeSplit(tree, work.node, best.feature, best.threshold);
  leftGroups_.clear();
  // The node's groups and runs become those of its right child, with those of the left one, which is next,
  // behind them.
  std::uint32_t leftRows = 0;
  std::uint32_t rightGroups = work.firstGroup;
  std::uint32_t rightRuns = work.firstRun;
  leftRuns_.clear();
  std::uint32_t at = work.firstGroup;
  for (std::uint32_t i = 0; i < work.runs; ++i) {
    const ClassRun run = runs_[work.firstRun + i];
    const std::uint32_t counted = bestLeft_.counts[lastGroup_[i]] - leftRows;
    const auto leftRun = static_cast<std::uint32_t>(leftRuns_.size());
    for (; at < work.firstGroup + work.groups && groups_[at].run == i; ++at) {
      const RowGroup group = groups_[at];
      const std::uint64_t goLeft = bestLeft_.rows[at - work.firstGroup];
      if (goLeft != 0) leftGroups_.push_back({group.first, leftRun, goLeft});
      if (goLeft != group.rows)
        groups_[rightGroups++] = {group.first, rightRuns - work.firstRun, group.rows & ~goLeft};
    }
    leftRows += counted;
    if (counted > 0) leftRuns_.push_back({run.label, counted});
    if (counted < run.rows) runs_[rightRuns++] = {run.label, run.rows - counted};
  }
  groups_.resize(rightGroups);
  groups_.insert(groups_.end(), leftGroups_.begin(), leftGroups_.end());
  runs_.resize(rightRuns);
  runs_.insert(runs_.end(), leftRuns_.begin(), leftRuns_.end());
  child(tree, {left + 1, work.rows - leftRows, work.firstGroup, rightGroups - work.firstGroup, work.firstRun,
               rightRuns - work.firstRun, work.constants});
  child(tree, {left, leftRows, rightGroups, static_cast<std::uint32_t>(leftGroups_.size()), rightRuns,
               static_cast<std::uint32_t>(leftRuns_.size()), work.constants});
}

// A leaf where all rows are of one class, else work.
void TreeGrower::child(Tree& tree, const Work& child) {
  if (child.runs > 1) {
    work_.push_back(child);
  } else {
    writeLeaf(tree, child.node, {runs_.data() + child.firstRun, 1}, set_.classes());
  }
}

void TreeGrower::growFew(Tree& tree, const Work& work, Random32& random) {
  std::array<std::uint32_t, kFewRows> rows;
  std::uint32_t count = 0;
  for (std::uint32_t i = work.firstGroup; i < work.firstGroup + work.groups; ++i) {
    for (std::uint64_t left = groups_[i].rows; left != 0; left &= left - 1)
      rows[count++] = groups_[i].first + static_cast<std::uint32_t>(std::countr_zero(left));
  }
  few_.grow(tree, work.node, {rows.data(), count}, {runs_.data() + work.firstRun, work.runs}, random);
}

}  // namespace flowglyph
