// The images that trees grow on, laid out for growing: sorted by class, so that the rows of a class lie
// together in every node, and within a class by length and bytes, so that rows which stay together in a tree
// are neighbours; once row by row and once feature by feature. No tree depends on the order of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "huge_memory.hpp"
#include "split_kernel.hpp"

namespace flowglyph {

class TrainingSet {
 public:
  // `images`: labels.size() rows of `features` bytes; labels in [0, classes). All are copied. Throws
  // std::invalid_argument where sizes do not agree, a label is out of range, or nothing is there.
  TrainingSet(std::span<const std::uint8_t> images, std::span<const std::int32_t> labels,
              std::size_t features, std::size_t classes);

  std::size_t rows() const { return rows_; }
  std::size_t features() const { return features_; }
  std::size_t classes() const { return classes_; }
  // [rows][stride], the byte of feature f at row(r)[f]; zeros behind the last one.
  const std::uint8_t* row(std::size_t index) const {
    return static_cast<const std::uint8_t*>(byRow_.get()) + index * stride_;
  }
  std::size_t stride() const { return stride_; }
  // So many bytes in front, at least 1; all behind are 0.
  std::size_t length(std::size_t index) const { return lengths_[index]; }
  // A row is at most 64 blocks of so many bytes, a power of two: one bit for each.
  std::size_t blockBytes() const { return std::size_t{1} << blockShift_; }
  std::size_t blockOf(std::size_t feature) const { return feature >> blockShift_; }
  // [features][rows], aligned to kGroupRows, of which the last group is padded with zeros.
  const std::uint8_t* column(std::size_t feature) const {
    return static_cast<const std::uint8_t*>(byFeature_.get()) + feature * columnBytes_;
  }
  // The classes that occur, ascending.
  std::span<const ClassRun> runs() const { return runs_; }
  // A permutation of the features: those that have one value in all rows, then the rest, each ascending.
  std::span<const std::uint16_t> constantsFirst() const { return constantsFirst_; }
  std::size_t constants() const { return constants_; }

 private:
  void sortByClass(std::span<const std::uint8_t> images, std::span<const std::int32_t> labels);
  void sortByBytes();
  void transpose();
  void findConstants();

  std::size_t rows_;
  std::size_t features_;
  std::size_t classes_;
  unsigned blockShift_;
  std::size_t stride_;
  HugeMemory byRow_;
  std::vector<std::uint32_t> lengths_;
  std::size_t columnBytes_;
  HugeMemory byFeature_;
  std::vector<ClassRun> runs_;
  std::vector<std::uint16_t> constantsFirst_;
  std::size_t constants_ = 0;
};

}  // namespace flowglyph
