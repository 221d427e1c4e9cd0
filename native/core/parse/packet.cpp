// RFC 791 (IPv4), RFC 8200 (IPv6), RFC 4302 (AH), RFC 9293 (TCP), RFC 768 (UDP).
#include "parse/packet.hpp"

#include <algorithm>
#include <cstring>

#include "parse/ipv6_extensions.hpp"

namespace flowglyph {
namespace {

// Orders the endpoints. `compare` of addresses is bytewise, so IPv4 and IPv6 share it.
void makeKey(Packet& packet, const std::uint64_t source[2], const std::uint64_t destination[2],
             const std::uint8_t* ports, std::uint8_t version, std::uint8_t protocol) {
  const std::uint64_t sourcePort = loadBig<std::uint16_t>(ports);
  const std::uint64_t destinationPort = loadBig<std::uint16_t>(ports + 2);
  // Any total order does, as long as both directions use the same.
  const bool low = source[0] != destination[0]   ? source[0] < destination[0]
                   : source[1] != destination[1] ? source[1] < destination[1]
                                                 : sourcePort <= destinationPort;
  const std::uint64_t tail = std::uint64_t{protocol} << 32 | std::uint64_t{version} << 40;
  packet.fromLow = low;
  if (low) {
    packet.key.words = {source[0], source[1], destination[0], destination[1],
                        sourcePort | destinationPort << 16 | tail};
  } else {
    packet.key.words = {destination[0], destination[1], source[0], source[1],
                        destinationPort | sourcePort << 16 | tail};
  }
}

// Sets the payload. Only the ports must be there: they make the session. A header cut short by the snaplen
// has no payload; a length that contradicts the header's own size is not believed.
SkipReason parseTransport(Packet& packet, const std::uint8_t* frame, std::uint8_t protocol) {
  const std::uint32_t available = packet.ipEnd - packet.transportOffset;
  const std::uint8_t* header = frame + packet.transportOffset;
  if (available < 4) return SkipReason::kTruncatedHeader;
  packet.payloadEnd = packet.ipEnd;
  std::uint32_t headerBytes = 8;
  if (protocol == kTcp) {
    headerBytes = available > 12 ? std::max((header[12] >> 4) * 4u, 20u) : 20;
  } else if (available >= 8) {
    // What the IP packet holds beyond the UDP length is not payload. 0 is a jumbogram (RFC 2675).
    const std::uint32_t udpLength = loadBig<std::uint16_t>(header + 4);
    if (udpLength >= 8) packet.payloadEnd = std::min(packet.ipEnd, packet.transportOffset + udpLength);
  }
  packet.payloadOffset = packet.transportOffset + std::min(headerBytes, available);
  return SkipReason::kNone;
}

SkipReason parseIpv4(Packet& packet, const Record& record) {
  const std::uint8_t* ip = record.data + packet.ipOffset;
  const std::uint32_t captured = record.capLength - packet.ipOffset;
  if (captured < 20) return SkipReason::kTruncatedHeader;
  const std::uint32_t headerBytes = (ip[0] & 0x0F) * 4u;
  if (headerBytes < 20) return SkipReason::kBadIpHeader;
  std::uint32_t totalBytes = loadBig<std::uint16_t>(ip + 2);
  if (totalBytes == 0) {
    // Segmentation offload: the capturing machine left the length to its network card.
    totalBytes = std::max(record.origLength, record.capLength) - packet.ipOffset;
  }
  if (totalBytes < headerBytes) return SkipReason::kBadIpHeader;
  if (captured < headerBytes) return SkipReason::kTruncatedHeader;
  if ((loadBig<std::uint16_t>(ip + 6) & 0x1FFF) != 0) return SkipReason::kFragmentTail;
  const std::uint8_t protocol = ip[9];
  if (protocol != kTcp && protocol != kUdp) return SkipReason::kOtherTransport;

  packet.ipBytes = totalBytes;
  packet.ipEnd = packet.ipOffset + std::min(captured, totalBytes);
  packet.transportOffset = packet.ipOffset + headerBytes;
  packet.plainIp = headerBytes == 20;
  if (const SkipReason reason = parseTransport(packet, record.data, protocol); reason != SkipReason::kNone)
    return reason;
  const std::uint64_t source[2] = {loadNative<std::uint32_t>(ip + 12), 0};
  const std::uint64_t destination[2] = {loadNative<std::uint32_t>(ip + 16), 0};
  makeKey(packet, source, destination, record.data + packet.transportOffset, 4, protocol);
  return SkipReason::kNone;
}

SkipReason parseIpv6(Packet& packet, const Record& record) {
  const std::uint8_t* ip = record.data + packet.ipOffset;
  const std::uint32_t captured = record.capLength - packet.ipOffset;
  if (captured < 40) return SkipReason::kTruncatedHeader;
  const std::uint32_t payloadLength = loadBig<std::uint16_t>(ip + 4);
  // 0 is a jumbogram or segmentation offload: the record's length stands in.
  packet.ipBytes = payloadLength != 0 ? 40 + payloadLength
                                      : std::max(record.origLength, record.capLength) - packet.ipOffset;
  const std::uint32_t inPacket = std::min(captured, packet.ipBytes);
  packet.ipEnd = packet.ipOffset + inPacket;

  const Ipv6Transport transport = walkIpv6Extensions({ip, inPacket}, [](std::uint8_t, std::size_t, Bytes) {});
  if (transport.reason != SkipReason::kNone) return transport.reason;
  packet.transportOffset = packet.ipOffset + static_cast<std::uint32_t>(transport.offset);
  packet.plainIp = transport.offset == 40;
  if (const SkipReason reason = parseTransport(packet, record.data, transport.protocol);
      reason != SkipReason::kNone)
    return reason;
  std::uint64_t source[2], destination[2];
  std::memcpy(source, ip + 8, sizeof source);
  std::memcpy(destination, ip + 24, sizeof destination);
  makeKey(packet, source, destination, record.data + packet.transportOffset, 6, transport.protocol);
  return SkipReason::kNone;
}

}  // namespace

SkipReason parsePacket(const Record& record, const Linktype* linktype, const ParseOptions&, Packet& packet) {
  if (linktype == nullptr)
    return record.linktype == kNoLinktype ? SkipReason::kUnknownInterface : SkipReason::kUnknownLinktype;
  const LinkResult link = linktype->findIp({record.data, record.capLength});
  if (link.reason != SkipReason::kNone) return link.reason;
  packet.record = record;
  packet.linktype = linktype;
  packet.ipOffset = link.ipOffset;
  packet.outerOffset = link.ipOffset;
  packet.records = 1;
  packet.layers = 0;
  packet.tunnelDepth = 0;
  packet.tcpFlags = 0;
  switch (record.data[link.ipOffset] >> 4) {
    case 4:
      return parseIpv4(packet, record);
    case 6:
      return parseIpv6(packet, record);
    default:
      return SkipReason::kBadIpHeader;
  }
}

}  // namespace flowglyph
