// Memory that input is read into, shared with whoever still looks at records in it. A block that nobody holds
// is read into again: as long as records are used at once, nothing is allocated.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace flowglyph {

class Block {
 public:
  explicit Block(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(capacity)), capacity_(capacity) {}

  std::uint8_t* data() { return bytes_.get(); }
  std::size_t capacity() const { return capacity_; }
  // Pairs with the release in hold(): what a holder in another thread read, it has read before this is false.
  bool held() const { return holds_.load(std::memory_order_acquire) != 0; }

  // Keeps the bytes as they are until it and its copies are gone, in whatever thread; it may outlive the
  // input.
  static std::shared_ptr<const void> hold(std::shared_ptr<Block> block);

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t capacity_;
  std::atomic<std::uint32_t> holds_{0};
};

// The blocks of one input.
class BlockPool {
 public:
  // One that nobody holds: the first such, so that few are in use and those stay in the cache.
  std::shared_ptr<Block> take(std::size_t capacity);
  std::size_t blocks() const { return blocks_.size(); }

 private:
  std::vector<std::shared_ptr<Block>> blocks_;
};

}  // namespace flowglyph
