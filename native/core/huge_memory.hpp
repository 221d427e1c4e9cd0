// Uninitialised memory in 2 MiB pages where the system has them: sessions are visited at random, and with 4
// KiB pages nearly every visit would miss the TLB.
#pragma once

#include <cstddef>
#include <memory>

namespace flowglyph {

inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

struct FreeMemory {
  std::size_t mapped = 0;  // bytes; 0: the allocator's
  void operator()(void* memory) const;
};
using HugeMemory = std::unique_ptr<void, FreeMemory>;

// Aligned to 64 bytes at least. Less than a huge page, and where huge pages are not wanted, is plain memory,
// of which only touched pages count. What is large comes from the system and goes back to it when it is
// freed, whichever thread does either. Throws std::bad_alloc.
HugeMemory allocateHuge(std::size_t bytes, bool hugePages = true);

}  // namespace flowglyph
