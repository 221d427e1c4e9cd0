// See training_set.hpp.
#include "training_set.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace flowglyph {
namespace {

unsigned shiftFor(std::size_t features) {
  return static_cast<unsigned>(std::countr_zero(std::bit_ceil(std::max(kBlockAlign, (features + 63) / 64))));
}

// Nodes visit rows and columns at random: from half a huge page on, one is worth its zeroing.
HugeMemory allocate(std::size_t bytes) {
  return allocateHuge(bytes < kHugePageBytes / 2 ? bytes : std::max(bytes, kHugePageBytes));
}

std::uint8_t* bytesOf(const HugeMemory& memory) { return static_cast<std::uint8_t*>(memory.get()); }

}  // namespace

TrainingSet::TrainingSet(std::span<const std::uint8_t> images, std::span<const std::int32_t> labels,
                         std::size_t features, std::size_t classes)
    : rows_(labels.size()),
      features_(features),
      classes_(classes),
      blockShift_(shiftFor(features)),
      stride_((features + blockBytes() - 1) >> blockShift_ << blockShift_),
      // An odd number of groups: columns then lie in different sets of the caches.
      columnBytes_(((rows_ + kGroupRows - 1) / kGroupRows | 1) * kGroupRows) {
  if (rows_ == 0 || features == 0 || classes == 0 || images.size() != rows_ * features) {
    throw std::invalid_argument("Expected at least one image, and as many bytes as labels times features");
  }
  // A feature's number shares 32 bits with a threshold, and a row's with nothing.
  if (features > std::numeric_limits<std::uint16_t>::max() ||
      rows_ > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max() / 4)) {
    throw std::invalid_argument("Expected at most 65535 features and 2^29 images");
  }
  for (const std::int32_t label : labels) {
    if (label < 0 || static_cast<std::size_t>(label) >= classes) {
      throw std::invalid_argument("Expected labels from 0 to the number of classes - 1");
    }
  }
  sortByClass(images, labels);
  sortByBytes();
  transpose();
  findConstants();
}

void TrainingSet::sortByClass(std::span<const std::uint8_t> images, std::span<const std::int32_t> labels) {
  std::vector<std::uint32_t> counts(classes_);
  for (const std::int32_t label : labels) ++counts[static_cast<std::size_t>(label)];
  std::vector<std::size_t> next(classes_);
  std::size_t begin = 0;
  for (std::size_t label = 0; label < classes_; ++label) {
    if (counts[label] > 0) runs_.push_back({static_cast<std::uint32_t>(label), counts[label]});
    next[label] = begin;
    begin += counts[label];
  }
  byRow_ = allocate(rows_ * stride_);
  for (std::size_t i = 0; i < rows_; ++i) {
    std::uint8_t* to = bytesOf(byRow_) + next[static_cast<std::size_t>(labels[i])]++ * stride_;
    std::memcpy(to, images.data() + i * features_, features_);
    std::memset(to + features_, 0, stride_ - features_);
  }
}

void TrainingSet::sortByBytes() {
  const auto lengthOf = [&](std::size_t index) {
    std::size_t length = features_;
    while (length > 1 && row(index)[length - 1] == 0) --length;
    return static_cast<std::uint32_t>(length);
  };
  struct Key {
    std::uint32_t length;
    std::uint32_t row;
  };
  std::vector<Key> keys(rows_);
  for (std::uint32_t i = 0; i < rows_; ++i) keys[i] = {lengthOf(i), i};
  auto begin = keys.begin();
  for (const ClassRun run : runs_) {
    const auto end = begin + run.rows;
    std::sort(begin, end, [&](Key a, Key b) {
      if (a.length != b.length) return a.length < b.length;
      return std::memcmp(row(a.row), row(b.row), a.length) < 0;
    });
    begin = end;
  }
  HugeMemory sorted = allocate(rows_ * stride_);
  lengths_.resize(rows_);
  for (std::size_t i = 0; i < rows_; ++i) {
    lengths_[i] = keys[i].length;
    std::memcpy(bytesOf(sorted) + i * stride_, row(keys[i].row), stride_);
  }
  byRow_ = std::move(sorted);
}

void TrainingSet::transpose() {
  byFeature_ = allocate(features_ * columnBytes_);
  std::uint8_t* columns = bytesOf(byFeature_);
  const std::uint8_t* rows = bytesOf(byRow_);
  // Tiles of a cache line on either side: each line is read and written while it is at hand.
  constexpr std::size_t kTile = 64;
  for (std::size_t row = 0; row < rows_; row += kTile) {
    const std::size_t lastRow = std::min(rows_, row + kTile);
    for (std::size_t feature = 0; feature < features_; feature += kTile) {
      const std::size_t lastFeature = std::min(features_, feature + kTile);
      for (std::size_t f = feature; f < lastFeature; ++f) {
        std::uint8_t* to = columns + f * columnBytes_;
        for (std::size_t r = row; r < lastRow; ++r) to[r] = rows[r * stride_ + f];
      }
    }
  }
  for (std::size_t f = 0; f < features_; ++f)
    std::memset(columns + f * columnBytes_ + rows_, 0, columnBytes_ - rows_);
}

void TrainingSet::findConstants() {
  std::vector<std::uint16_t> varying;
  for (std::size_t f = 0; f < features_; ++f) {
    const std::uint8_t* values = column(f);
    const bool constant = std::all_of(values, values + rows_, [&](std::uint8_t v) { return v == values[0]; });
    (constant ? constantsFirst_ : varying).push_back(static_cast<std::uint16_t>(f));
  }
  constants_ = constantsFirst_.size();
  constantsFirst_.insert(constantsFirst_.end(), varying.begin(), varying.end());
}

}  // namespace flowglyph
