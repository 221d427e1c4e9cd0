// The two loops over image bytes, once with Highway and once plainly. Both write the same bytes; tests hold
// them to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flowglyph {

// What is vectorisable in encoding: masking is an AND of header bytes with a pattern that is the same for
// every packet of one header shape, and a finished image is a copy with a zeroed rest. Nothing outside
// `length` is read of `from` or written to `to`.
struct ImageKernel {
  // Patterns are padded with 0xFF to a multiple of this: a kernel may read so far.
  static constexpr std::size_t kPatternBlock = 64;

  std::string_view name;  // of the instruction set, or "scalar"
  // to[i] = from[i] & (i < patternLength ? pattern[i] : 0xFF) for i < length
  void (*copyMasked)(std::uint8_t* to, const std::uint8_t* from, std::size_t length,
                     const std::uint8_t* pattern, std::size_t patternLength);
  // to[i] = i < length ? from[i] : 0 for i < kImageBytes; length <= kImageBytes
  void (*emitImage)(std::uint8_t* to, const std::uint8_t* from, std::size_t length);
};

// The widest instruction set of this machine; the scalar twin where the environment says
// FLOWGLYPH_SIMD=scalar.
ImageKernel selectImageKernel();
ImageKernel vectorImageKernel();
ImageKernel scalarImageKernel();

}  // namespace flowglyph
