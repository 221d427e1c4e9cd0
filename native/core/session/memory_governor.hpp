// Keeps the sessions of all shards within the memory cap. It looks at fixed packets only, and decides by what
// all shards hold together: so what it ends depends neither on the number of shards nor on the hash.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "options.hpp"
#include "session/session_pool.hpp"
#include "session/session_shard.hpp"

namespace flowglyph {

class MemoryGovernor {
 public:
  explicit MemoryGovernor(const ExtractOptions& options);

  // Sessions that the cap has room for.
  std::size_t capacity() const { return capacity_; }
  // Packets between two checkpoints. Each may take a slot or two: as many are kept free.
  std::size_t interval() const { return interval_; }

  // Before packet `at`, a multiple of interval(). Above 3/4 of the cap idle timeouts are cut to a half, above
  // 7/8 to a quarter; where that is not enough the sessions whose last packet is the longest ago in file
  // order are evicted, an eighth of the cap at a time (finding them takes a look at all).
  void check(std::uint64_t at, SessionPool& pool, std::span<const std::unique_ptr<SessionShard>> shards,
             const KeyHash& hash);

 private:
  struct Candidate {
    std::uint32_t lastBlock, slot;
    std::uint64_t ordinal;
    bool operator<(const Candidate& other) const {
      return lastBlock != other.lastBlock ? lastBlock < other.lastBlock : ordinal < other.ordinal;
    }
  };

  std::size_t bytesPerSession_;
  std::size_t capacity_, interval_, headroom_;
  unsigned sixteenths_ = 0;
  std::vector<Candidate> candidates_;
};

}  // namespace flowglyph
