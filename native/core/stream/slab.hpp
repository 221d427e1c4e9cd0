// Storage of things that few sessions need for a while: numbered places in chunks that never move. A chunk
// that has become empty goes back, so that what is not used does not count twice against a cap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace flowglyph {

template <typename T, std::size_t kPerChunk>
class Slab {
 public:
  // Contents are not set.
  std::uint32_t acquire() {
    if (open_.empty()) addChunk();
    Chunk& chunk = *chunks_[open_.back()];
    const std::uint16_t place = chunk.free;
    chunk.free = chunk.next[place];
    const auto index = static_cast<std::uint32_t>(open_.back() * kPerChunk + place);
    if (++chunk.live == kPerChunk) open_.pop_back();
    ++live_;
    return index;
  }

  void release(std::uint32_t index) {
    const std::uint32_t at = index / kPerChunk;
    const auto place = static_cast<std::uint16_t>(index % kPerChunk);
    Chunk& chunk = *chunks_[at];
    chunk.next[place] = chunk.free;
    chunk.free = place;
    if (chunk.live-- == kPerChunk) open(at);
    --live_;
    // One is kept, lest a lonely user make and drop a chunk again and again.
    if (chunk.live == 0 && open_.size() > 1) dropChunk(at);
  }

  T& operator[](std::uint32_t index) { return chunks_[index / kPerChunk]->items[index % kPerChunk]; }

  std::size_t live() const { return live_; }
  std::size_t chunks() const { return chunks_.size() - vacant_.size(); }

 private:
  struct Chunk {
    std::array<T, kPerChunk> items;
    std::array<std::uint16_t, kPerChunk> next;  // free places, chained
    std::uint16_t free;
    std::uint16_t live;
    std::uint32_t openAt;  // in open_, while it has a free place
  };
  static_assert(kPerChunk < 0xFFFF);

  void open(std::uint32_t at) {
    chunks_[at]->openAt = static_cast<std::uint32_t>(open_.size());
    open_.push_back(at);
  }

  void addChunk() {
    auto chunk = std::make_unique_for_overwrite<Chunk>();
    for (std::size_t i = 0; i < kPerChunk; ++i) chunk->next[i] = static_cast<std::uint16_t>(i + 1);
    chunk->free = 0;
    chunk->live = 0;
    if (vacant_.empty()) {
      vacant_.push_back(static_cast<std::uint32_t>(chunks_.size()));
      chunks_.emplace_back();
    }
    const std::uint32_t at = vacant_.back();
    vacant_.pop_back();
    chunks_[at] = std::move(chunk);
    open(at);
  }

  void dropChunk(std::uint32_t at) {
    const std::uint32_t hole = chunks_[at]->openAt;
    open_[hole] = open_.back();
    chunks_[open_[hole]]->openAt = hole;
    open_.pop_back();
    chunks_[at].reset();
    vacant_.push_back(at);
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::uint32_t> open_;    // chunks with a free place
  std::vector<std::uint32_t> vacant_;  // numbers of chunks that went back
  std::size_t live_ = 0;
};

}  // namespace flowglyph
