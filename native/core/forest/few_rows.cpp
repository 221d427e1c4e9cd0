// See few_rows.hpp.
#include "few_rows.hpp"

#include <algorithm>
#include <utility>

namespace flowglyph {

FewRowsGrower::FewRowsGrower(const TrainingSet& set, const GrowOptions& options, const SplitKernel& kernel)
    : set_(set),
      options_(options),
      kernel_(kernel),
      low_(set.stride()),
      high_(set.stride()),
      varying_(set.stride() + kBlockAlign) {}

void FewRowsGrower::grow(Tree& tree, std::uint32_t node, std::span<const std::uint32_t> rows,
                         std::span<const ClassRun> runs, Random32& random) {
  std::size_t length = 1;
  for (const std::uint32_t row : rows) length = std::max(length, set_.length(row));
  const std::size_t blocks = set_.blockOf(length - 1) + 1;
  for (std::size_t i = 0; i < rows.size(); ++i) rows_[i] = set_.row(rows[i]);
  runs_.assign(runs.begin(), runs.end());
  work_.push_back({.node = node,
                   .begin = 0,
                   .end = static_cast<std::uint32_t>(rows.size()),
                   .firstRun = 0,
                   .runs = static_cast<std::uint32_t>(runs.size()),
                   .blocks = ~std::uint64_t{0} >> (64 - blocks)});
  while (!work_.empty()) {
    Work work = work_.back();
    work_.pop_back();
    Split split;
    if (chooseSplit(work, random, split)) {
      divide(tree, work, split);
    } else {
      writeLeaf(tree, work.node, {runs_.data() + work.firstRun, work.runs}, set_.classes());
    }
  }
}

// False where nothing varies.
bool FewRowsGrower::chooseSplit(Work& work, Random32& random, Split& best) {
  const std::uint32_t rows = work.end - work.begin;
  varies_ = kernel_.ranges(rows_.data() + work.begin, rows, set_.blockBytes(), work.blocks, low_.data(),
                           high_.data(), varying_.data());
  if (varies_ == 0) return false;
  // Whatever tells two rows apart splits them as well as anything.
  std::size_t tries = 1;
  if (rows > 2) {
    const auto constants = static_cast<std::uint32_t>(set_.features() - varies_);
    tries = std::max(1U, drawsLeft(options_, set_.features(), constants, random));
    tries = std::min(tries, varies_);
  }
  for (std::size_t first = 0; first < tries && best.score < rows; first += kAbreast)
    tryFeatures(work, std::min(kAbreast, tries - first), random, first, best);
  return true;
}

// The next `count` of a random order of varying_, of which `first` are tried: one random threshold each.
void FewRowsGrower::tryFeatures(const Work& work, std::size_t count, Random32& random, std::size_t first,
                                Split& best) {
  const std::uint32_t rows = work.end - work.begin;
  std::uint32_t* features = varying_.data() + first;
  for (std::size_t i = 0; i < count; ++i) {
    const auto [place, rest] = random.draw(static_cast<std::uint32_t>(varies_ - first - i));
    std::swap(features[i], features[i + place]);
    const std::uint32_t feature = features[i];
    const std::uint64_t range = high_[feature] - low_[feature];
    tried_[i] = feature;
    thresholds_[i] = static_cast<std::uint8_t>(low_[feature] + (range * rest >> 32));
  }
  std::size_t found = 0;
  double score = rows;
  if (rows > 2) {
    for (std::size_t row = 0; row < rows; ++row)
      gather(rows_[work.begin + row], count, values_.data() + row * kAbreast);
    found = kernel_.bestOfFew(values_.data(), thresholds_.data(), count, runs_.data() + work.firstRun,
                              work.runs, scores_.data());
    score = scores_[found];
  }
  if (score > best.score)
    best = {.feature = features[found], .threshold = thresholds_[found], .score = score};
}

// The bytes of the tried features, and, by fours, of some before them.
void FewRowsGrower::gather(const std::uint8_t* row, std::size_t count, std::uint8_t* values) const {
  for (std::size_t i = 0; i < count; i += 4) {
    const std::uint8_t a = row[tried_[i]];
    const std::uint8_t b = row[tried_[i + 1]];
    const std::uint8_t c = row[tried_[i + 2]];
    const std::uint8_t d = row[tried_[i + 3]];
    values[i] = a;
    values[i + 1] = b;
    values[i + 2] = c;
    values[i + 3] = d;
  }
}

// Rows up to the threshold first, both sides in their old order: sorted by class.
void FewRowsGrower::divide(Tree& tree, const Work& work, const Split& split) {
  const std::uint32_t left = writeSplit(tree, work.node, split.feature, split.threshold);
  std::array<const std::uint8_t*, kFewRows> rightRows;
  std::array<ClassRun, kFewRows> leftRuns;
  const std::uint8_t** order = rows_.data();
  std::uint32_t middle = work.begin;
  std::uint32_t right = 0;
  std::uint32_t ofLeft = 0;
  std::uint32_t rightRuns = work.firstRun;
  std::uint32_t at = work.begin;
  for (std::uint32_t i = 0; i < work.runs; ++i) {
    const ClassRun run = runs_[work.firstRun + i];
    const std::uint32_t before = middle;
    for (const std::uint32_t end = at + run.rows; at < end; ++at) {
      const std::uint8_t* row = order[at];
      const bool goesRight = row[split.feature] > split.threshold;
      order[middle] = row;
      rightRows[right] = row;
      middle += !goesRight;
      right += goesRight;
    }
    // The right child's runs take the place of the node's, those of the left one, which is next, go behind.
    const std::uint32_t counted = middle - before;
    leftRuns[ofLeft] = {run.label, counted};
    ofLeft += counted > 0;
    runs_[rightRuns] = {run.label, run.rows - counted};
    rightRuns += counted < run.rows;
  }
  std::copy_n(rightRows.begin(), right, order + middle);
  runs_.resize(rightRuns);
  runs_.insert(runs_.end(), leftRuns.begin(), leftRuns.begin() + ofLeft);
  child(tree, {left + 1, middle, work.end, work.firstRun, rightRuns - work.firstRun, work.blocks});
  child(tree, {left, work.begin, middle, rightRuns, ofLeft, work.blocks});
}

// A leaf where all rows are of one class, else work.
void FewRowsGrower::child(Tree& tree, const Work& child) {
  if (child.runs > 1) {
    work_.push_back(child);
  } else {
    writeLeaf(tree, child.node, {runs_.data() + child.firstRun, 1}, set_.classes());
  }
}

}  // namespace flowglyph
