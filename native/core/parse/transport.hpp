// What stands behind an IP header: where the payload is, and which numbers tell sessions apart.
#pragma once

#include <cstdint>

#include "parse/packet.hpp"

namespace flowglyph {

struct TransportPorts {
  std::uint16_t source = 0, destination = 0;
};

// A transport header at packet.transportOffset, captured up to packet.ipEnd; on the wire `wireBytes` of the
// IP packet are behind that offset. Fills payloadOffset, payloadEnd, payloadBytes, sequence, tcpFlags and the
// layer; `ports` where the protocol has such numbers.
SkipReason parseTransport(Packet& packet, const std::uint8_t* frame, std::uint8_t protocol,
                          std::uint32_t wireBytes, TransportPorts& ports);

Layer layerOfTransport(std::uint8_t protocol);

}  // namespace flowglyph
