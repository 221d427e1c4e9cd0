// Threads take shares of a batch, one each: what is added up in the shares' order comes out the same each
// time.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace flowglyph::torch {

struct Shares {
  int64_t items, count;

  // Counted here: inside a parallel region libtorch may answer otherwise.
  explicit Shares(int64_t items, int64_t atLeast = 1)
      : items(items), count(std::clamp<int64_t>(items / atLeast, 1, at::get_num_threads())) {}

  // task(share, its first item, the one after its last)
  template <typename Task>
  void each(const Task& task) const {
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t share = begin; share < end; ++share) {
        task(share, items * share / count, items * (share + 1) / count);
      }
    });
  }
};

}  // namespace flowglyph::torch
