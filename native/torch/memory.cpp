// A training step takes and frees arrays of the same sizes as the step before. Through malloc that is slow
// and not flat: above 32 MiB each goes back to the system and its pages come back one fault at a time,
// cleared; below, small objects that live until JavaScript's next collection settle in the holes between two
// steps, the array no longer fits, and the heap grows by it: 14.7 MB a step at a batch of 64. Here large
// arrays are mappings of their own that wait for the next array of their size.
#include "memory.hpp"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <unordered_map>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace flowglyph::torch {

#if defined(__linux__)

namespace {

constexpr size_t kLarge = size_t{1} << 20;
constexpr size_t kRounding = size_t{1} << 16;

// Large blocks in use and waiting. Together they never hold more than twice what was in use at once at some
// time: what waits is unmapped, the largest first, before a new mapping would exceed that. (A step whose
// arrays are of many sizes needs more than once: at that bound it took five times the page faults.)
class Blocks {
 public:
  void* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    size_t size = (bytes + kRounding - 1) / kRounding * kRounding;
    void* block = nullptr;
    // One that is an eighth too large at most.
    if (const auto found = waiting_.lower_bound(size);
        found != waiting_.end() && found->first - size <= size / 8) {
      size = found->first;
      block = found->second;
      waiting_.erase(found);
      waitingBytes_ -= size;
    } else {
      while (!waiting_.empty() && usedBytes_ + waitingBytes_ + size > 2 * mostUsedBytes_) unmapLargest();
      block = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (block == MAP_FAILED) throw std::bad_alloc();
    }
    used_.emplace(block, size);
    usedBytes_ += size;
    mostUsedBytes_ = std::max(mostUsedBytes_, usedBytes_);
    return block;
  }

  // False where it is none of these blocks.
  bool giveBack(void* block) {
    const std::lock_guard lock(mutex_);
    const auto found = used_.find(block);
    if (found == used_.end()) return false;
    const size_t size = found->second;
    used_.erase(found);
    usedBytes_ -= size;
    waiting_.emplace(size, block);
    waitingBytes_ += size;
    return true;
  }

 private:
  void unmapLargest() {
    const auto last = std::prev(waiting_.end());
    ::munmap(last->second, last->first);
    waitingBytes_ -= last->first;
    waiting_.erase(last);
  }

  std::mutex mutex_;
  std::unordered_map<void*, size_t> used_;
  std::multimap<size_t, void*> waiting_;
  size_t usedBytes_ = 0, waitingBytes_ = 0, mostUsedBytes_ = 0;
};

// Never destroyed: tensors may outlive static objects.
Blocks& blocks() {
  static auto* const instance = new Blocks();
  return *instance;
}

// Where small ones come from.
c10::Allocator* smallAllocator = nullptr;

// oneDNN frees by address alone, whatever the size was.
void giveBack(void* block) {
  if (!blocks().giveBack(block)) smallAllocator->raw_deleter()(block);
}

// Libtorch 2.3 made `allocate` non-const and added `copy_data`: both forms are here, and those that the base
// class has override it.
class KeepingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) const { return take(bytes); }
  c10::DataPtr allocate(size_t bytes) { return take(bytes); }
  c10::DeleterFnPtr raw_deleter() const override { return &giveBack; }
  void copy_data(void* target, const void* source, size_t bytes) const { std::memcpy(target, source, bytes); }

 private:
  static c10::DataPtr take(size_t bytes) {
    if (bytes < kLarge) return smallAllocator->allocate(bytes);
    void* block = blocks().take(bytes);
    return {block, block, &giveBack, c10::Device(c10::DeviceType::CPU)};
  }
};

}  // namespace

void keepTensorMemory() {
  static std::once_flag once;
  std::call_once(once, []() {
    smallAllocator = c10::GetCPUAllocator();
    static auto* const allocator = new KeepingAllocator();
    c10::SetCPUAllocator(allocator, 1);
  });
}

#else

void keepTensorMemory() {}

#endif

}  // namespace flowglyph::torch
