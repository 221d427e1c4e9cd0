#include "session/session_pool.hpp"

#include <new>

namespace flowglyph {

SessionPool::SessionPool(std::size_t capacity) : capacity_(capacity) {}

std::uint32_t SessionPool::acquire() {
  std::uint32_t slot = free_;
  if (slot != kNoSlot) {
    free_ = links(slot).next;
  } else {
    slot = fresh_++;
    if (slot / kChunkSessions >= chunks_.size())
      chunks_.push_back(allocateHuge(capacity_ < kChunkSessions ? sizeof(Chunk) : kHugePageBytes));
  }
  append(slot);
  ++size_;
  return slot;
}

void SessionPool::release(std::uint32_t slot) {
  unlink(slot);
  links(slot).next = free_;
  free_ = slot;
  --size_;
}

void SessionPool::releaseAll() {
  size_ = 0;
  fresh_ = 0;
  free_ = first_ = last_ = kNoSlot;
}

void SessionPool::touch(std::uint32_t slot) {
  if (slot == last_) return;
  unlink(slot);
  append(slot);
}

void SessionPool::append(std::uint32_t slot) {
  links(slot) = {last_, kNoSlot};
  if (last_ != kNoSlot) {
    links(last_).next = slot;
  } else {
    first_ = slot;
  }
  last_ = slot;
}

void SessionPool::unlink(std::uint32_t slot) {
  const Links here = links(slot);
  if (here.previous != kNoSlot) {
    links(here.previous).next = here.next;
  } else {
    first_ = here.next;
  }
  if (here.next != kNoSlot) {
    links(here.next).previous = here.previous;
  } else {
    last_ = here.previous;
  }
}

}  // namespace flowglyph
