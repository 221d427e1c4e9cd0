// Capture time in ticks: what the timer wheels of all shards go by. Follows the packets' times; a step back
// of more than the idle timeout sets it back (a wrong time before it, or a clock that was set), a smaller one
// is ignored.
#pragma once

#include <cstdint>
#include <limits>

#include "session/session.hpp"

namespace flowglyph {

struct TickEvent {
  std::uint32_t packet;  // in its chunk: the tick comes before it
  std::int64_t tick;
  std::int64_t startNs;  // of the tick
  bool forward;          // otherwise the clock was set, and nothing expires
};

class CaptureClock {
 public:
  // An idle timeout of 0 ticks never.
  explicit CaptureClock(std::uint64_t idleTimeoutNs)
      : idleTimeoutNs_(idleTimeoutNs), granularityNs_(granularity(idleTimeoutNs)) {}

  // How late a session without further packets may come out: a 128th of the timeout.
  static constexpr std::uint64_t kTicksPerTimeout = 128;
  static std::uint64_t granularity(std::uint64_t idleTimeoutNs) {
    return idleTimeoutNs == 0 ? 0 : (idleTimeoutNs + kTicksPerTimeout - 1) / kTicksPerTimeout;
  }

  // Whether a packet of that time moves the clock; then tick() is the new one.
  bool moves(std::int64_t timeNs) const {
    return granularityNs_ != 0 &&
           (timeNs > endNs_ || (timeNs < startNs_ && elapsed(timeNs, startNs_) > idleTimeoutNs_));
  }
  TickEvent move(std::uint32_t packet, std::int64_t timeNs) {
    const bool forward = running_ && timeNs > endNs_;
    running_ = true;
    tick_ = floorDivide(timeNs, granularityNs_);
    // Within int64: the tick's first and last nanosecond.
    __extension__ using Wide = __int128;
    const Wide start = Wide{tick_} * static_cast<Wide>(granularityNs_);
    constexpr Wide kLowest = std::numeric_limits<std::int64_t>::min(),
                   kHighest = std::numeric_limits<std::int64_t>::max();
    const Wide end = start + static_cast<Wide>(granularityNs_) - 1;
    startNs_ = static_cast<std::int64_t>(start < kLowest ? kLowest : start);
    endNs_ = static_cast<std::int64_t>(end > kHighest ? kHighest : end);
    return {packet, tick_, startNs_, forward};
  }
  // Another file: its time is its own.
  void restart() {
    running_ = false;
    startNs_ = std::numeric_limits<std::int64_t>::max();
    endNs_ = std::numeric_limits<std::int64_t>::min();
  }

  static std::int64_t floorDivide(std::int64_t value, std::uint64_t divisor) {
    const auto by = static_cast<std::int64_t>(divisor);
    const std::int64_t quotient = value / by;
    return value % by < 0 ? quotient - 1 : quotient;
  }

 private:
  std::uint64_t idleTimeoutNs_, granularityNs_;
  bool running_ = false;
  std::int64_t tick_ = 0;
  // Before the first packet every time moves it.
  std::int64_t startNs_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t endNs_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace flowglyph
