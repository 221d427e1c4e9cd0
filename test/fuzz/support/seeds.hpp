// Small inputs to begin from, of our own making, in each target's own format. Made when they are wanted,
// never kept in the repository.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/frames.hpp"

namespace flowglyph::fuzz {

struct Seed {
  std::string name;
  test::ByteVector bytes;
};

// Always the same ones. Empty for a target that has none.
std::vector<Seed> seedsFor(std::string_view target);

// A link type and frames for it: every link type, tunnels, fragments, TCP orders.
struct SampleFrames {
  std::uint16_t linktype;
  std::vector<test::ByteVector> frames;
};
std::vector<SampleFrames> sampleFrames(std::uint64_t seed, std::size_t packetsEach);

// Whole captures, all formats and byte orders.
std::vector<Seed> sampleCaptures();

// One of some thousand packets, so that several chunks of it are under way at once.
Seed longCapture();

}  // namespace flowglyph::fuzz
