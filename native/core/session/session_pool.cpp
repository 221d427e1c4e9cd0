#include "session/session_pool.hpp"

#include <algorithm>

namespace flowglyph {

// Without sequences 1.8 of the 2 MiB of a huge page are used, and the kernel gives whole ones: that is what a
// session costs.
std::size_t SessionPool::chunkBytes(std::size_t sequencePackets) {
  const std::size_t bytes = kSequencesAt + kChunkSessions * SequenceFormat(sequencePackets).bytes();
  return (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
}

std::size_t SessionPool::bytesPerSession(std::size_t sequencePackets) {
  return chunkBytes(sequencePackets) / kChunkSessions +
         sizeof(std::uint32_t);  // and its place among the free slots
}

SessionPool::SessionPool(std::size_t capacity, std::size_t sequencePackets)
    : capacity_(capacity), format_(sequencePackets), chunkBytes_(chunkBytes(sequencePackets)) {}

void SessionPool::takeFresh(FreeSlots& slots, std::size_t count) {
  while (slots.size() < count && fresh_ < capacity_) {
    const std::size_t inChunk = fresh_ % kChunkSessions;
    if (inChunk == 0) {
      // A pool that will never fill a chunk takes plain memory.
      chunks_.push_back(allocateHuge(chunkBytes_, capacity_ >= kChunkSessions));
      starts_.push_back(static_cast<std::uint8_t*>(chunks_.back().get()));
    }
    const std::size_t some = std::min({kChunkSessions - inChunk, capacity_ - fresh_, count - slots.size()});
    for (std::size_t i = some; i-- > 0;) {  // popped in ascending order
      const auto slot = static_cast<std::uint32_t>(fresh_ + i);
      session(slot).markFree();
      slots.push_back(slot);
    }
    fresh_ += some;
  }
}

bool SessionPool::provide(std::span<const Demand> demands) {
  bool enough = true;
  for (const Demand& demand : demands) {
    if (demand.slots->size() >= demand.count) continue;
    takeFresh(*demand.slots, demand.count);
    for (const Demand& other : demands) {
      const std::size_t missing = demand.count - std::min(demand.count, demand.slots->size());
      if (missing == 0) break;
      if (other.slots == demand.slots || other.slots->size() <= other.count) continue;
      const std::size_t some = std::min(other.slots->size() - other.count, missing);
      const auto from = other.slots->end() - static_cast<std::ptrdiff_t>(some);
      demand.slots->insert(demand.slots->end(), from, other.slots->end());
      other.slots->erase(from, other.slots->end());
    }
    enough = enough && demand.slots->size() >= demand.count;
  }
  return enough;
}

}  // namespace flowglyph
