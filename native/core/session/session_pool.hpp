// Storage of live sessions: slots with a Session, an image, links of the timer wheel and a packet sequence
// each, in chunks that never move. One pool serves all shards; each has a stack of free slots of its own,
// which is filled between two runs of the shards, so that they need no locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "huge_memory.hpp"
#include "options.hpp"
#include "session/sequence.hpp"
#include "session/session.hpp"

namespace flowglyph {

class SessionPool {
 public:
  SessionPool(std::size_t capacity, std::size_t sequencePackets);
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  struct Links {
    std::uint32_t previous, next;
  };

  std::size_t capacity() const { return capacity_; }
  // Slots that were handed out so far are [0, used()).
  std::size_t used() const { return fresh_; }

  // Free slots of one shard.
  using FreeSlots = std::vector<std::uint32_t>;
  struct Demand {
    FreeSlots* slots;
    std::size_t count;
  };
  // Sees to it that each holds `count` slots at least: of those never used, then of what others have to
  // spare. Between two runs of the shards only. False when there are not so many.
  bool provide(std::span<const Demand> demands);

  Session& session(std::uint32_t slot) {
    return *reinterpret_cast<Session*>(chunk(slot) + index(slot) * sizeof(Session));
  }
  Links& links(std::uint32_t slot) {
    return *reinterpret_cast<Links*>(chunk(slot) + kLinksAt + index(slot) * sizeof(Links));
  }
  std::uint8_t* image(std::uint32_t slot) { return chunk(slot) + kImagesAt + index(slot) * kImageBytes; }
  std::uint8_t* sequence(std::uint32_t slot) {
    return chunk(slot) + kSequencesAt + index(slot) * format_.bytes();
  }
  const SequenceFormat& sequenceFormat() const { return format_; }

  void prefetch(std::uint32_t slot) {
    __builtin_prefetch(&session(slot), 1);
    __builtin_prefetch(&session(slot).bytes, 1);
  }
  // Of the place where the next packet's bytes go. Reads the session: it should have been prefetched.
  void prefetchImage(std::uint32_t slot) {
    const std::uint8_t* end = image(slot) + session(slot).imageFill;
    __builtin_prefetch(end, 1);
    __builtin_prefetch(end + 63, 1);
  }

  static std::size_t bytesPerSession(std::size_t sequencePackets);

 private:
  static constexpr std::size_t kChunkSessions = 2048;
  // Apart from each other: walking the links of the timer wheel or all sessions touches nothing else.
  static constexpr std::size_t kLinksAt = kChunkSessions * sizeof(Session);
  static constexpr std::size_t kImagesAt = kLinksAt + kChunkSessions * sizeof(Links);
  static constexpr std::size_t kSequencesAt = kImagesAt + kChunkSessions * kImageBytes;

  void takeFresh(FreeSlots& slots, std::size_t count);
  static std::size_t chunkBytes(std::size_t sequencePackets);

  std::uint8_t* chunk(std::uint32_t slot) { return starts_[slot / kChunkSessions]; }
  static std::size_t index(std::uint32_t slot) { return slot % kChunkSessions; }

  std::size_t capacity_;
  SequenceFormat format_;
  std::size_t chunkBytes_;
  std::size_t fresh_ = 0;  // slots from here on were never used
  std::vector<HugeMemory> chunks_;
  std::vector<std::uint8_t*> starts_;
};

}  // namespace flowglyph
