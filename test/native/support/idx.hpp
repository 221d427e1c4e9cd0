// Published image sets: MNIST's IDX format, gzipped; and where the data is.
#pragma once

#include <string>

#include "frames.hpp"

namespace flowglyph::test {

// FLOWGLYPH_DATA, or ../shared/data beside the checkout; empty where there is none.
std::string dataFolder();

// The elements of a gzipped IDX file of unsigned bytes, without its header.
ByteVector readIdx(const std::string& path);

}  // namespace flowglyph::test
