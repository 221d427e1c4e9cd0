// A shard's sessions by the tick in which they may expire: a hashed wheel (Varghese and Lauck, scheme 6). A
// packet does not touch it: it is found out when the tick comes that a session has had packets since, and the
// session is put where it now belongs.
#pragma once

#include <array>
#include <cstdint>

#include "session/capture_clock.hpp"
#include "session/session_pool.hpp"

namespace flowglyph {

class TimerWheel {
 public:
  TimerWheel(SessionPool& pool, std::uint64_t idleTimeoutNs)
      : pool_(pool), granularityNs_(CaptureClock::granularity(idleTimeoutNs)) {
    heads_.fill(kNoSlot);
  }

  bool running() const { return granularityNs_ != 0; }

  // `deadlineNs` in the past: at the next tick.
  void place(std::uint32_t slot, std::int64_t deadlineNs) {
    const std::int64_t tick = std::max(CaptureClock::floorDivide(deadlineNs, granularityNs_), now_);
    const std::uint32_t bucket = bucketOf(tick);
    const std::uint32_t next = heads_[bucket];
    pool_.links(slot) = {kHead | bucket, next};
    if (next != kNoSlot) pool_.links(next).previous = slot;
    heads_[bucket] = slot;
  }

  void remove(std::uint32_t slot) {
    const SessionPool::Links here = pool_.links(slot);
    if (here.previous == kDetached) return;
    if ((here.previous & kHead) != 0) {
      heads_[here.previous & ~kHead] = here.next;
    } else {
      pool_.links(here.previous).next = here.next;
    }
    if (here.next != kNoSlot) pool_.links(here.next).previous = here.previous;
  }

  void set(std::int64_t tick) { now_ = tick; }

  // Visits the sessions of the ticks before `tick`, and of the `ahead` after those. visit(slot) ends the
  // session and returns true, or returns false and sets `deadlineNs`.
  template <typename Visit>
  void advance(std::int64_t tick, std::int64_t ahead, Visit&& visit) {
    // A difference of any two ticks fits the unsigned number.
    const std::uint64_t passed = static_cast<std::uint64_t>(tick) - static_cast<std::uint64_t>(now_);
    const std::uint64_t count = std::min<std::uint64_t>(passed + static_cast<std::uint64_t>(ahead), kBuckets);
    const std::uint32_t first =
        bucketOf(passed + static_cast<std::uint64_t>(ahead) > kBuckets ? tick + ahead : now_);
    now_ = tick;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint32_t bucket = (first + static_cast<std::uint32_t>(i)) % kBuckets;
      std::uint32_t slot = heads_[bucket];
      heads_[bucket] = kNoSlot;
      while (slot != kNoSlot) {
        const std::uint32_t next = pool_.links(slot).next;
        pool_.links(slot).previous = kDetached;
        if (next != kNoSlot) __builtin_prefetch(&pool_.session(next));
        std::int64_t deadlineNs;
        if (!visit(slot, deadlineNs)) place(slot, deadlineNs);
        slot = next;
      }
    }
  }

  void clear() { heads_.fill(kNoSlot); }

 private:
  // More than the ticks of a timeout, so that only odd times share a bucket with others.
  static constexpr std::uint32_t kBuckets = 2 * CaptureClock::kTicksPerTimeout;
  static constexpr std::uint32_t kHead = 0x80000000;  // with the bucket: there is none before it
  static constexpr std::uint32_t kDetached = 0xFFFFFFFF;

  static std::uint32_t bucketOf(std::int64_t tick) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(tick) % kBuckets);
  }

  SessionPool& pool_;
  std::uint64_t granularityNs_;
  std::int64_t now_ = 0;
  std::array<std::uint32_t, kBuckets> heads_;
};

}  // namespace flowglyph
