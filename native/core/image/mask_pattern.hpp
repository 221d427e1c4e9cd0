// A pattern under construction: 0xFF keeps a byte, 0 zeroes it. Ranges past the end of an image are dropped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "image/image_kernel.hpp"
#include "options.hpp"

namespace flowglyph {

class MaskPattern {
 public:
  // What an image can show, padded as kernels read it.
  static constexpr std::size_t kBytes = (kImageBytes + ImageKernel::kPatternBlock - 1) /
                                        ImageKernel::kPatternBlock * ImageKernel::kPatternBlock;

  // `bytes` has kBytes.
  explicit MaskPattern(std::uint8_t* bytes) : bytes_(bytes) { std::memset(bytes_, 0xFF, kBytes); }

  void zero(std::size_t offset, std::size_t length) {
    if (offset >= kImageBytes) return;
    length = std::min(length, kImageBytes - offset);
    std::memset(bytes_ + offset, 0, length);
    reach(offset + length);
  }
  void keepBits(std::size_t offset, std::uint8_t bits) {
    if (offset >= kImageBytes) return;
    bytes_[offset] &= bits;
    reach(offset + 1);
  }
  // The pattern is used at least up to here.
  void reach(std::size_t end) { end_ = std::max(end_, std::min(end, kImageBytes)); }
  std::size_t end() const { return end_; }

 private:
  std::uint8_t* bytes_;
  std::size_t end_ = 0;
};

}  // namespace flowglyph
