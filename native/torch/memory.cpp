// A training step frees and takes the same tens of megabytes again and again. glibc gives every array of more
// than 32 MiB back to the system at once, and its pages come back one fault at a time, cleared: a tenth of a
// step. Here they come from the heap, which is cut only when this much of its end is free.
#include "memory.hpp"

#include <cstdlib>
#include <mutex>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace flowglyph::torch {

void tuneMemory() {
#if defined(__GLIBC__)
  static std::once_flag once;
  std::call_once(once, []() {
    // Who sets any of these by hand knows better.
    for (const char* name : {"GLIBC_TUNABLES", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"}) {
      if (std::getenv(name) != nullptr) return;
    }
    constexpr int kKeptBytes = 1 << 30;
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, kKeptBytes);
    mallopt(M_TOP_PAD, 1 << 24);
  });
#endif
}

}  // namespace flowglyph::torch
