// Deals the bytes of a fuzz input out as values, from the front, so that a mutation of one byte changes one
// value. A used-up input gives zeros for ever: targets end their loops by empty().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "bytes.hpp"

namespace flowglyph::fuzz {

class Draw {
 public:
  explicit Draw(Bytes input) : input_(input) {}

  bool empty() const { return input_.empty(); }
  std::size_t left() const { return input_.size(); }

  // Little-endian; what is missing is zero.
  std::uint8_t u8() { return static_cast<std::uint8_t>(value(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(value(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(value(4)); }
  std::uint64_t u64() { return value(8); }
  // One byte's worth of a choice; `count` is 1 to 256.
  std::size_t below(std::size_t count) { return u8() % count; }
  // True for one byte value in `of`, false once the input is used up: where nothing is drawn, nothing odd
  // happens.
  bool oneIn(unsigned of) { return !input_.empty() && u8() % of == of - 1; }

  // At most as many as are left.
  Bytes take(std::size_t count) {
    const Bytes taken = input_.first(std::min(count, input_.size()));
    input_ = input_.subspan(taken.size());
    return taken;
  }
  Bytes rest() { return take(input_.size()); }

 private:
  std::uint64_t value(std::size_t bytes) {
    std::uint64_t value = 0;
    const Bytes from = take(bytes);
    for (std::size_t i = 0; i < from.size(); ++i) value |= std::uint64_t{from[i]} << 8 * i;
    return value;
  }

  Bytes input_;
};

}  // namespace flowglyph::fuzz
