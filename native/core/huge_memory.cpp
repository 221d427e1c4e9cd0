#include "huge_memory.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace flowglyph {

void FreeMemory::operator()(void* memory) const { std::free(memory); }

HugeMemory allocateHuge(std::size_t bytes, bool hugePages) {
  const bool huge = hugePages && bytes >= kHugePageBytes;
  const std::size_t alignment = huge ? kHugePageBytes : 64;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (huge) ::madvise(memory, rounded, MADV_HUGEPAGE);  // a hint: small pages only cost time
#endif
  return HugeMemory(memory);
}

}  // namespace flowglyph
