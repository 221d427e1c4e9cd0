// A capture in many damaged states, drawn from a seed.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "soak/boundaries.hpp"
#include "support/frames.hpp"

namespace flowglyph::fuzz {

struct Variant {
  std::string what;
  test::ByteVector bytes;
};

// One cut at every kind of boundary that the capture has; a cut anywhere; bytes flipped; lengths
// contradicted; pieces taken out, put in and doubled; and, through records read back, frames cut to every
// kind of length and damaged inside, which reaches deeper than a file that a reader gives up.
std::vector<Variant> damagedVariants(const test::ByteVector& capture, const CaptureShape& shape,
                                     std::mt19937_64& random);

}  // namespace flowglyph::fuzz
