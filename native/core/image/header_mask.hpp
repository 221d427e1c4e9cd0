// Which header bytes a mask zeroes, as a pattern to AND with: 0xFF keeps a byte, 0 zeroes it.
#pragma once

#include <array>
#include <cstdint>

#include "options.hpp"
#include "parse/packet.hpp"

namespace flowglyph {

// From the first byte of the view's packet (view `pcap`: the frame; `l3`: the IP header) to the end of the
// headers.
struct HeaderPattern {
  const std::uint8_t* bytes;
  std::size_t length;  // <= kImageBytes: nothing further can reach an image
};

class HeaderMask {
 public:
  // Mask `none` and view `l7` give empty patterns.
  HeaderMask(View view, Mask mask);

  // Good until the next call. Patterns of the usual header shapes are kept, so that masking costs one AND.
  HeaderPattern patternFor(const Packet& packet);

 private:
  static constexpr std::size_t kKeptBytes = 192;  // more than link layer + 40 + 32
  static constexpr std::size_t kKept = 32;        // a power of two
  struct Kept {
    std::uint64_t shape = 0;  // 0 = empty
    std::size_t length = 0;
    std::array<std::uint8_t, kKeptBytes> bytes;
  };

  // Names all that the pattern depends on; 0 for headers that vary too much to be kept.
  std::uint64_t shapeOf(const Packet& packet) const;
  // Returns the length. `pattern` has kImageBytes.
  std::size_t build(const Packet& packet, std::uint8_t* pattern) const;

  View view_;
  Mask mask_;
  std::array<Kept, kKept> kept_;
  std::array<std::uint8_t, kImageBytes> built_;
};

}  // namespace flowglyph
