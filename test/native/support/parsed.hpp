// One frame through parsePacket, in memory exactly as long as the frame: a sanitizer sees a read beyond it.
#pragma once

#include <memory>

#include "frames.hpp"
#include "parse/packet.hpp"

namespace flowglyph::test {

struct Parsed {
  SkipReason reason;
  Packet packet;
  std::unique_ptr<std::uint8_t[]> bytes;
};

// `origLength` 0: as captured.
Parsed parsed(const ByteVector& frame, std::uint16_t linktype = 101, const ParseOptions& options = {},
              std::uint32_t origLength = 0);

ByteVector with(ByteVector prefix, const ByteVector& rest);
ByteVector firstOf(const ByteVector& bytes, std::size_t count);

}  // namespace flowglyph::test
