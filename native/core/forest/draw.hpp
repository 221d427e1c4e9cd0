// How a node draws the features that it tries.
#pragma once

#include <cstddef>
#include <cstdint>

#include "random32.hpp"

namespace flowglyph {

// What a node does with drawn features that have one value in all of its rows.
enum class ConstantFeatures : std::uint8_t {
  counted,  // they count as tried (scikit-learn), though at least one other is tried where there is one
  skipped,  // others are drawn in their place
};

struct GrowOptions {
  std::uint64_t seed = 0;
  std::size_t tries = 1;  // features that a node draws
  ConstantFeatures constants = ConstantFeatures::counted;
};

// Of the draws of a node with so many features known to be constant: how many fall on others. Which of the
// constants are drawn matters to nobody, so they are never named.
inline std::uint32_t drawsLeft(const GrowOptions& options, std::size_t features, std::uint32_t constants,
                               Random32& random) {
  const auto all = static_cast<std::uint32_t>(features);
  const auto tries = static_cast<std::uint32_t>(options.tries < features ? options.tries : features);
  if (options.constants == ConstantFeatures::skipped || constants == 0) return tries;
  std::uint32_t undrawn = constants;
  // One random number serves two draws.
  for (std::uint32_t i = 0; i < tries; i += 2) {
    const auto [place, rest] = random.draw(all - i);
    undrawn -= place < undrawn;
    if (i + 1 < tries)
      undrawn -= static_cast<std::uint32_t>(std::uint64_t{rest} * (all - i - 1) >> 32) < undrawn;
  }
  return tries - (constants - undrawn);
}

}  // namespace flowglyph
