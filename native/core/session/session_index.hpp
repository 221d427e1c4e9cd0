// From a key's hash to a slot: open addressing with linear probing over 8-byte entries, so that a probe stays
// in a cache line. Deletion moves later entries back instead of leaving tombstones: look-ups stay short
// however many sessions come and go.
#pragma once

#include <cstddef>
#include <cstdint>

#include "huge_memory.hpp"
#include "session/session.hpp"

namespace flowglyph {

class SessionIndex {
 public:
  SessionIndex() { resize(kMinEntries); }

  // `same(slot)` tells whether the slot holds the key that is looked for.
  template <typename Same>
  std::uint32_t find(std::uint32_t hash, Same&& same) const {
    for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
      const Entry entry = entries_[i];
      if (entry.slot == kNoSlot) return kNoSlot;
      if (entry.hash == hash && same(entry.slot)) return entry.slot;
    }
  }

  void insert(std::uint32_t hash, std::uint32_t slot);
  void erase(std::uint32_t hash, std::uint32_t slot);  // must be there
  void clear();

  // For prefetching: where a look-up starts, and the first slot of that hash, perhaps of another key.
  void prefetch(std::uint32_t hash) const { __builtin_prefetch(&entries_[hash & mask()]); }
  std::uint32_t guess(std::uint32_t hash) const {
    return find(hash, [](std::uint32_t) { return true; });
  }

  template <typename Visit>
  void forEach(Visit&& visit) const {
    for (std::size_t i = 0; i < count_; ++i)
      if (entries_[i].slot != kNoSlot) visit(entries_[i].slot);
  }

  std::size_t size() const { return size_; }
  // Entries are doubled at 3/4 load; the old and the new array exist together for a moment.
  static constexpr std::size_t kBytesPerSession = 32;

 private:
  struct Entry {
    std::uint32_t hash, slot;
  };
  static constexpr std::size_t kMinEntries = 1024;

  std::size_t mask() const { return count_ - 1; }
  void resize(std::size_t count);  // forgets all entries
  void place(std::uint32_t hash, std::uint32_t slot);

  HugeMemory memory_;
  Entry* entries_ = nullptr;
  std::size_t count_ = 0;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace flowglyph
