#include "session_index.hpp"

#include <algorithm>
#include <utility>

namespace flowglyph {

void SessionIndex::insert(std::uint32_t hash, std::uint32_t slot) {
  if ((size_ + 1) * 4 > entries_.size() * 3) {
    std::vector<Entry> old =
        std::exchange(entries_, std::vector<Entry>(entries_.size() * 2, Entry{0, kNoSlot}));
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
  std::fill(entries_.begin(), entries_.end(), Entry{0, kNoSlot});
  size_ = 0;
}

}  // namespace flowglyph
