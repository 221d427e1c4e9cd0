// A packet of a chunk and the lower half of its hash: what looking its session up ahead of time needs, so
// that the packet itself is not touched before its turn.
#pragma once

#include <cstdint>

namespace flowglyph {

struct PacketTurn {
  std::uint32_t packet;
  std::uint32_t hash;
};

}  // namespace flowglyph
