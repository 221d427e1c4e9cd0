#include "input/block.hpp"

#include <algorithm>
#include <utility>

namespace flowglyph {

std::shared_ptr<const void> Block::hold(std::shared_ptr<Block> block) {
  Block* const held = block.get();
  held->holds_.fetch_add(1, std::memory_order_relaxed);
  return {held->data(),
          [block = std::move(block)](const void*) { block->holds_.fetch_sub(1, std::memory_order_release); }};
}

std::shared_ptr<Block> BlockPool::take(std::size_t capacity) {
  const auto fits = [&](const std::shared_ptr<Block>& block) {
    return block->capacity() == capacity && !block->held();
  };
  // Blocks of other sizes held one large record each: not worth keeping once it is used.
  std::erase_if(blocks_, [&](const auto& block) { return block->capacity() != capacity && !block->held(); });
  const auto found = std::find_if(blocks_.begin(), blocks_.end(), fits);
  if (found != blocks_.end()) return *found;
  return blocks_.emplace_back(std::make_shared<Block>(capacity));
}

}  // namespace flowglyph
