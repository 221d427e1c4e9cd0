// Bytes in a heap buffer that ends where they end, so that a sanitizer sees a read of one byte more; begun at
// any alignment.
#pragma once

#include <cstring>
#include <memory>

#include "bytes.hpp"

namespace flowglyph::fuzz {

class ExactBytes {
 public:
  explicit ExactBytes(Bytes bytes, std::size_t shift = 0)
      : buffer_(std::make_unique<std::uint8_t[]>(shift + bytes.size())), shift_(shift), size_(bytes.size()) {
    if (size_ != 0) std::memcpy(data(), bytes.data(), size_);
  }

  std::uint8_t* data() { return buffer_.get() + shift_; }
  const std::uint8_t* data() const { return buffer_.get() + shift_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(size_); }
  operator Bytes() const { return {data(), size_}; }

 private:
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t shift_, size_;
};

}  // namespace flowglyph::fuzz
