// RFC 3828 (UDP-Lite), 4340 (DCCP), 9260 (SCTP), 792 and 4443 (ICMP), 4303 (ESP), 4302
// (AH).
#include "parse/transport.hpp"

#include <algorithm>

namespace flowglyph {
namespace {

// Queries and their answers carry u16 identifier behind type, code and checksum; it is what a host tells its
// own conversations apart by, as ports are.
bool hasIdentifier(std::uint8_t protocol, std::uint8_t type) {
  if (protocol == kIcmpV6) return type == 128 || type == 129 || type == 160 || type == 161;  // echo, RFC 8335
  return type == 0 || type == 8 || (type >= 13 && type <= 18) || type == 42 || type == 43;
}

std::uint32_t headerBytesOf(std::uint8_t protocol, const std::uint8_t* header, std::uint32_t available) {
  switch (protocol) {
    case kUdpLite:
    case kIcmp:
    case kIcmpV6:
    case kEsp:
      return 8;
    case kSctp:
      return 12;
    case kDccp:  // u8 data offset in words at 4
      return available > 4 ? std::max(header[4] * 4u, 12u) : 12;
    case kAh:
      return available > 1 ? (header[1] + 2u) * 4 : 8;
    default:
      return 0;
  }
}

bool hasPorts(std::uint8_t protocol) {
  return protocol == kUdpLite || protocol == kDccp || protocol == kSctp;
}

}  // namespace

SkipReason parseOtherTransport(Packet& packet, const std::uint8_t* frame, std::uint8_t protocol,
                               std::uint32_t wireBytes, TransportPorts& ports) {
  const std::uint32_t available = packet.ipEnd - packet.transportOffset;
  const std::uint8_t* header = frame + packet.transportOffset;
  const std::uint32_t headerBytes = headerBytesOf(protocol, header, available);
  packet.sequence = 0;
  packet.tcpFlags = 0;
  packet.payloadEnd = packet.ipEnd;
  packet.payloadOffset = packet.transportOffset + std::min(headerBytes, available);
  packet.payloadBytes = wireBytes > headerBytes ? wireBytes - headerBytes : 0;
  if (protocol == kIcmp || protocol == kIcmpV6) {
    if (available < 1) return SkipReason::kTruncatedHeader;
    if (hasIdentifier(protocol, header[0])) {
      if (available < 6) return SkipReason::kTruncatedHeader;
      ports.source = ports.destination = loadBig<std::uint16_t>(header + 4);
    }
  } else if (hasPorts(protocol)) {
    if (available < 4) return SkipReason::kTruncatedHeader;
    ports.source = loadBig<std::uint16_t>(header);
    ports.destination = loadBig<std::uint16_t>(header + 2);
  }
  return SkipReason::kNone;
}

}  // namespace flowglyph
