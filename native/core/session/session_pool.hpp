// Storage of live sessions: slots with a Session, an image and list links each, in chunks that never move.
// The links also keep the order of activity: a list from the session whose last packet is the longest ago (in
// file order) to the latest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "huge_memory.hpp"
#include "options.hpp"
#include "session/session.hpp"

namespace flowglyph {

class SessionPool {
 public:
  explicit SessionPool(std::size_t capacity);
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  std::size_t size() const { return size_; }
  bool full() const { return size_ == capacity_; }

  // A slot with unset contents at the recent end of the activity list. Not when full().
  std::uint32_t acquire();
  void release(std::uint32_t slot);
  void releaseAll();

  Session& session(std::uint32_t slot) { return chunk(slot).sessions[slot % kChunkSessions]; }
  std::uint8_t* image(std::uint32_t slot) { return chunk(slot).images + slot % kChunkSessions * kImageBytes; }

  std::uint32_t leastRecent() const { return first_; }  // kNoSlot when empty
  std::uint32_t moreRecent(std::uint32_t slot) { return links(slot).next; }
  void touch(std::uint32_t slot);  // becomes the most recent

  void prefetch(std::uint32_t slot) {
    __builtin_prefetch(&session(slot), 1);
    __builtin_prefetch(&session(slot).bytes, 1);
    __builtin_prefetch(&links(slot), 1);
  }

  // Of the place where the next packet's bytes go. Reads the session: it should have been prefetched.
  void prefetchImage(std::uint32_t slot) {
    const std::uint8_t* end = image(slot) + session(slot).imageFill;
    __builtin_prefetch(end, 1);
    __builtin_prefetch(end + 63, 1);
  }

  static constexpr std::size_t kChunkSessions = 2048;
  static constexpr std::size_t kBytesPerSession =
      kHugePageBytes / kChunkSessions;  // a chunk fills a huge page

 private:
  struct Links {
    std::uint32_t previous, next;
  };
  // Apart from each other: the links of all live sessions together fit a cache that the sessions overflow.
  struct Chunk {
    Session sessions[kChunkSessions];
    Links links[kChunkSessions];
    std::uint8_t images[kChunkSessions * kImageBytes];
  };

  static_assert(sizeof(Chunk) <= kHugePageBytes);

  Chunk& chunk(std::uint32_t slot) { return *static_cast<Chunk*>(chunks_[slot / kChunkSessions].get()); }
  Links& links(std::uint32_t slot) { return chunk(slot).links[slot % kChunkSessions]; }
  void append(std::uint32_t slot);
  void unlink(std::uint32_t slot);

  std::size_t capacity_;
  std::size_t size_ = 0;
  std::uint32_t fresh_ = 0;       // slots from here on were never used
  std::uint32_t free_ = kNoSlot;  // released slots, chained by `next`
  std::uint32_t first_ = kNoSlot, last_ = kNoSlot;
  std::vector<HugeMemory> chunks_;
};

}  // namespace flowglyph
