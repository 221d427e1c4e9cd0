#include "session/memory_governor.hpp"

#include <algorithm>

#include "session/packet_feed.hpp"
#include "session/session_index.hpp"

namespace flowglyph {
namespace {

// Fewer would end sessions at every other packet.
constexpr std::size_t kMinSessions = 16;
constexpr std::size_t kMaxSessions = std::size_t{1} << 30;
constexpr std::size_t kMaxInterval = 4096;

}  // namespace

MemoryGovernor::MemoryGovernor(const ExtractOptions& options)
    // An ended session waits in a list, at the end of the input all of them, and eviction lists all
    // candidates.
    : bytesPerSession_(SessionPool::bytesPerSession(options.sequence) + SessionIndex::kBytesPerSession +
                       2 * sizeof(EndedSession) + sizeof(Candidate)),
      capacity_(std::clamp(
          (options.memoryBytes - PacketFeed::fragmentBytes(options.memoryBytes)) / bytesPerSession_,
          kMinSessions, kMaxSessions)),
      interval_(std::min(capacity_ / 8, kMaxInterval)),
      headroom_(interval_ * SessionShard::slotsAPacket(options)) {}

void MemoryGovernor::check(std::uint64_t at, SessionPool& pool,
                           std::span<const std::unique_ptr<SessionShard>> shards, const KeyHash& hash) {
  std::size_t live = 0, streamBytes = 0;
  for (const auto& shard : shards) {
    live += shard->live();
    streamBytes += shard->streamBytes();
  }
  const std::size_t used = live + (streamBytes + bytesPerSession_ - 1) / bytesPerSession_;
  const unsigned sixteenths = used > capacity_ / 8 * 7 ? 12 : used > capacity_ / 4 * 3 ? 8 : 0;
  if (sixteenths != sixteenths_) {
    sixteenths_ = sixteenths;
    for (const auto& shard : shards) shard->shorten(sixteenths);
  }
  if (used + headroom_ <= capacity_) return;

  const std::size_t wanted = std::min(used + headroom_ - capacity_ / 8 * 7, live);
  candidates_.clear();
  candidates_.reserve(live);
  for (std::uint32_t slot = 0; slot < pool.used(); ++slot) {
    const Session& session = pool.session(slot);
    if (session.live()) candidates_.push_back({session.lastBlock, slot, session.ordinal});
  }
  const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(wanted);
  if (last != candidates_.end()) std::nth_element(candidates_.begin(), last, candidates_.end());
  for (auto candidate = candidates_.begin(); candidate != last; ++candidate) {
    const std::size_t shard = shardOf(hash(pool.session(candidate->slot).key), shards.size());
    shards[shard]->evict(candidate->slot, at);
  }
}

}  // namespace flowglyph
