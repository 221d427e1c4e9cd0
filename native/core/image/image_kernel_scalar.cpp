// The truth that image_kernel.cpp is compared with: byte by byte, compiled without auto-vectorisation.
#include <cstdlib>
#include <cstring>

#include "image/image_kernel.hpp"
#include "options.hpp"

namespace flowglyph {
namespace {

void copyMasked(std::uint8_t* to, const std::uint8_t* from, std::size_t length, const std::uint8_t* pattern,
                std::size_t patternLength) {
  for (std::size_t i = 0; i < length; ++i)
    to[i] = static_cast<std::uint8_t>(from[i] & (i < patternLength ? pattern[i] : 0xFF));
}

void emitImage(std::uint8_t* to, const std::uint8_t* from, std::size_t length) {
  for (std::size_t i = 0; i < kImageBytes; ++i) to[i] = i < length ? from[i] : std::uint8_t{0};
}

}  // namespace

ImageKernel scalarImageKernel() { return {"scalar", copyMasked, emitImage}; }

ImageKernel selectImageKernel() {
  const char* forced = std::getenv("FLOWGLYPH_SIMD");
  return forced != nullptr && std::strcmp(forced, "scalar") == 0 ? scalarImageKernel() : vectorImageKernel();
}

}  // namespace flowglyph
