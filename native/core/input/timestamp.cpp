#include "input/timestamp.hpp"

#include <limits>

namespace flowglyph {
namespace {

// 64-bit counts times 10^9 need more than 64 bits.
__extension__ using Wide = __int128;

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::uint64_t powerOf10(unsigned exponent) {
  std::uint64_t value = 1;
  while (exponent-- > 0) value *= 10;
  return value;
}

}  // namespace

TimestampUnit::TimestampUnit(std::uint8_t resolution, std::int64_t offsetSeconds)
    : offsetSeconds_(offsetSeconds) {
  const unsigned exponent = resolution & 0x7F;
  if ((resolution & 0x80) != 0) {
    shift_ = static_cast<std::uint8_t>(exponent);
  } else if (exponent <= 9) {
    multiplier_ = powerOf10(9 - exponent);
  } else {
    // 2^64 units finer than 10^-28 s are less than a nanosecond.
    divisor_ = exponent <= 28 ? powerOf10(exponent - 9) : std::numeric_limits<std::uint64_t>::max();
  }
}

std::int64_t TimestampUnit::toNs(std::uint64_t units) const {
  Wide ns;
  if (multiplier_ != 0) {
    ns = static_cast<Wide>(units) * static_cast<Wide>(multiplier_);
  } else if (divisor_ != 0) {
    ns = static_cast<Wide>(units / divisor_);
  } else {
    ns = (static_cast<Wide>(units) * kNsPerSecond) >> shift_;
  }
  ns += static_cast<Wide>(offsetSeconds_) * kNsPerSecond;
  if (ns > std::numeric_limits<std::int64_t>::max()) return std::numeric_limits<std::int64_t>::max();
  if (ns < std::numeric_limits<std::int64_t>::min()) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(ns);
}

}  // namespace flowglyph
