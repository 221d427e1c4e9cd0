// What a running job and those who wait for it share. Set and read by any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace flowglyph {

struct JobControl {
  std::atomic<bool> stop{false};
  std::atomic<std::uint32_t> done{0};  // parts of the work, as each job counts them
};

}  // namespace flowglyph
