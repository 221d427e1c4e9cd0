// pcapng timestamps: a 64-bit count of units that the interface declares (if_tsresol), and seconds to add
// (if_tsoffset).
#pragma once

#include <cstdint>

namespace flowglyph {

class TimestampUnit {
 public:
  // `resolution` as in the option: the exponent of 10, or with the top bit set of 2, both negative. Default
  // 10^-6 s.
  explicit TimestampUnit(std::uint8_t resolution = 6, std::int64_t offsetSeconds = 0);

  // Nanoseconds since the epoch, rounded down, held to the range of int64 (years 1677 to 2262).
  std::int64_t toNs(std::uint64_t units) const;

 private:
  std::uint64_t multiplier_ = 0;  // ns in a unit, where that is a whole number; else 0
  std::uint64_t divisor_ = 0;     // units in a ns, for 10^-10 s and finer; else 0
  std::uint8_t shift_ = 0;        // 2^shift units in a second, where neither is set
  std::int64_t offsetSeconds_;
};

}  // namespace flowglyph
