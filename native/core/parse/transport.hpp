// What stands behind an IP header: where the payload is, and which numbers tell sessions apart. RFC 9293
// (TCP) and 768 (UDP) here, where the walk can inline them; the others in transport.cpp.
#pragma once

#include <algorithm>
#include <cstdint>

#include "parse/packet.hpp"

namespace flowglyph {

struct TransportPorts {
  std::uint16_t source = 0, destination = 0;
};

SkipReason parseOtherTransport(Packet& packet, const std::uint8_t* frame, std::uint8_t protocol,
                               std::uint32_t wireBytes, TransportPorts& ports);

// A transport header at packet.transportOffset, captured up to packet.ipEnd; on the wire `wireBytes` of the
// IP packet are behind that offset. Fills payloadOffset, payloadEnd, payloadBytes, sequence and tcpFlags, and
// `ports` where the protocol has such numbers. Only what makes the session must be there. A header cut short
// by the snaplen has no payload; a length that contradicts the header's own size is not believed.
inline SkipReason parseTransport(Packet& packet, const std::uint8_t* frame, std::uint8_t protocol,
                                 std::uint32_t wireBytes, TransportPorts& ports) {
  if (protocol != kTcp && protocol != kUdp)
    return parseOtherTransport(packet, frame, protocol, wireBytes, ports);
  const std::uint32_t available = packet.ipEnd - packet.transportOffset;
  const std::uint8_t* header = frame + packet.transportOffset;
  if (available < 4) return SkipReason::kTruncatedHeader;
  ports.source = loadBig<std::uint16_t>(header);
  ports.destination = loadBig<std::uint16_t>(header + 2);
  std::uint32_t headerBytes = 8, payloadEnd = packet.ipEnd, sequence = 0;
  std::uint8_t flags = 0;
  if (protocol == kTcp) {
    headerBytes = 20;
    if (available >= 14) {
      headerBytes = std::max((header[12] >> 4) * 4u, 20u);
      flags = header[13];
    } else {
      wireBytes = 0;  // nobody knows how long the header is
    }
    if (available >= 8) sequence = loadBig<std::uint32_t>(header + 4);
  } else {
    // What the IP packet holds beyond the UDP length is not payload. 0 is a jumbogram (RFC 2675).
    const std::uint32_t udpLength = available >= 8 ? loadBig<std::uint16_t>(header + 4) : 0;
    if (udpLength >= 8) {
      payloadEnd = std::min(payloadEnd, packet.transportOffset + udpLength);
      wireBytes = std::min(wireBytes, udpLength);
    }
  }
  packet.sequence = sequence;
  packet.tcpFlags = flags;
  packet.payloadEnd = payloadEnd;
  packet.payloadOffset = packet.transportOffset + std::min(headerBytes, available);
  packet.payloadBytes = wireBytes > headerBytes ? wireBytes - headerBytes : 0;
  return SkipReason::kNone;
}

inline Layer layerOfTransport(std::uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return Layer::kTcp;
    case kUdp:
      return Layer::kUdp;
    case kIcmp:
      return Layer::kIcmp;
    case kIcmpV6:
      return Layer::kIcmpV6;
    case kSctp:
      return Layer::kSctp;
    case kEsp:
      return Layer::kEsp;
    case kAh:
      return Layer::kAh;
    default:
      return Layer::kOtherTransport;
  }
}

}  // namespace flowglyph
