// Packets with a meaning from fuzz bytes: link layers, tunnels, fragments, TCP segments of a few connections.
// Random bytes hardly ever get past the first header; these get to the last state.
#pragma once

#include <array>
#include <cstdint>

#include "support/draw.hpp"
#include "support/frames.hpp"

namespace flowglyph::fuzz {

using test::ByteVector;

// Link types that frameAround() can write.
inline constexpr std::array<std::uint16_t, 22> kGrammarLinktypes = {
    1, 0, 6, 9, 10, 12, 14, 50, 51, 101, 104, 105, 107, 108, 113, 127, 192, 219, 228, 229, 242, 276};

// The headers of `linktype` before an IP packet, VLAN tags and all.
ByteVector frameAround(std::uint16_t linktype, const ByteVector& ip, Draw& draw);

// Where the connections of a capture have got to, so that segments follow one another more often than not.
struct Connections {
  std::array<std::array<std::uint32_t, 2>, 16> sequence{};
  std::uint16_t fragmentId = 1;
};

// IP packets: mostly one; several where one was cut into fragments, in the order drawn.
std::vector<ByteVector> ipPackets(Connections& connections, Draw& draw);

}  // namespace flowglyph::fuzz
