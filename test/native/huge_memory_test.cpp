#include "huge_memory.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <thread>

namespace {

using flowglyph::allocateHuge;
using flowglyph::HugeMemory;
using flowglyph::kHugePageBytes;

std::uintptr_t addressOf(const HugeMemory& memory) { return reinterpret_cast<std::uintptr_t>(memory.get()); }

TEST_SUITE_BEGIN("huge memory");

TEST_CASE("is all there, and aligned") {
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{100}, std::size_t{131'071}, std::size_t{131'072}, std::size_t{200'001},
        kHugePageBytes - 1, kHugePageBytes, kHugePageBytes + 1, 3 * kHugePageBytes}) {
    for (const bool hugePages : {false, true}) {
      CAPTURE(bytes);
      CAPTURE(hugePages);
      const HugeMemory memory = allocateHuge(bytes, hugePages);
      std::memset(memory.get(), 1, bytes);
      CHECK(addressOf(memory) % 64 == 0);
      if (hugePages && bytes >= kHugePageBytes) CHECK(addressOf(memory) % kHugePageBytes == 0);
    }
  }
}

TEST_CASE("what is large goes back to the system, from any thread") {
  for (const std::size_t bytes : {std::size_t{1} << 20, 2 * kHugePageBytes}) {
    CAPTURE(bytes);
    HugeMemory memory = allocateHuge(bytes);
    std::memset(memory.get(), 1, bytes);
    void* const start = memory.get();
    std::thread([&] { memory.reset(); }).join();
    // Of what is not mapped this asks in vain.
    unsigned char resident[1024];
    CHECK(::mincore(start, bytes, resident) == -1);
    CHECK(errno == ENOMEM);
  }
}

TEST_SUITE_END();

}  // namespace
