#include "huge_memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace flowglyph {
namespace {

// From here on the allocator is passed by. glibc's keeps what each thread has freed, in a heap of its own:
// a service that read capture after capture on four threads held 300 MB that nobody used.
constexpr std::size_t kMappedBytes = std::size_t{128} << 10;

std::size_t roundUp(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

void FreeMemory::operator()(void* memory) const {
  if (mapped != 0)
    ::munmap(memory, mapped);
  else
    std::free(memory);
}

HugeMemory allocateHuge(std::size_t bytes, bool hugePages) {
  if (bytes < kMappedBytes) {
    void* memory = std::aligned_alloc(64, roundUp(bytes, 64));
    if (memory == nullptr) throw std::bad_alloc();
    return HugeMemory(memory);
  }
  const bool huge = hugePages && bytes >= kHugePageBytes;
  const std::size_t rounded = huge ? roundUp(bytes, kHugePageBytes) : bytes;
  // The system aligns to its pages; to align to huge ones, what is before and behind goes back.
  const std::size_t spare = huge ? kHugePageBytes : 0;
  void* mapping =
      ::mmap(nullptr, rounded + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  if (!huge) return {mapping, {rounded}};
  auto* const start = static_cast<std::uint8_t*>(mapping);
  const std::size_t before = roundUp(reinterpret_cast<std::uintptr_t>(start), kHugePageBytes) -
                             reinterpret_cast<std::uintptr_t>(start);
  if (before > 0) ::munmap(start, before);
  if (before < spare) ::munmap(start + before + rounded, spare - before);
#ifdef MADV_HUGEPAGE
  ::madvise(start + before, rounded, MADV_HUGEPAGE);  // a hint: small pages only cost time
#endif
  return {start + before, {rounded}};
}

}  // namespace flowglyph
