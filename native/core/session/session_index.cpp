#include "session/session_index.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

namespace flowglyph {

void SessionIndex::resize(std::size_t count) {
  memory_ = allocateHuge(count * sizeof(Entry));
  entries_ = static_cast<Entry*>(memory_.get());
  count_ = count;
  std::uninitialized_fill_n(entries_, count, Entry{0, kNoSlot});
}

void SessionIndex::insert(std::uint32_t hash, std::uint32_t slot) {
  if ((size_ + 1) * 4 > count_ * 3) {
    const HugeMemory oldMemory = std::move(memory_);
    const std::span<const Entry> old(entries_, count_);
    resize(count_ * 2);
    for (const Entry& entry : old)
      if (entry.slot != kNoSlot) place(entry.hash, entry.slot);
  }
  place(hash, slot);
  ++size_;
}

void SessionIndex::place(std::uint32_t hash, std::uint32_t slot) {
  std::size_t i = hash & mask();
  while (entries_[i].slot != kNoSlot) i = (i + 1) & mask();
  entries_[i] = {hash, slot};
}

void SessionIndex::erase(std::uint32_t hash, std::uint32_t slot) {
  std::size_t hole = hash & mask();
  while (entries_[hole].slot != slot) hole = (hole + 1) & mask();
  for (std::size_t i = (hole + 1) & mask(); entries_[i].slot != kNoSlot; i = (i + 1) & mask()) {
    // An entry may fill the hole if that does not put it before its home.
    const std::size_t fromHome = (i - (entries_[i].hash & mask())) & mask();
    const std::size_t fromHole = (i - hole) & mask();
    if (fromHome >= fromHole) {
      entries_[hole] = entries_[i];
      hole = i;
    }
  }
  entries_[hole].slot = kNoSlot;
  --size_;
}

void SessionIndex::clear() {
  std::fill_n(entries_, count_, Entry{0, kNoSlot});
  size_ = 0;
}

}  // namespace flowglyph
