// The way through IP headers and tunnels: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 4302 (AH).
#include "parse/packet.hpp"

#include <algorithm>
#include <cstring>

#include "parse/ipv6_extensions.hpp"
#include "parse/transport.hpp"
#include "parse/tunnel/tunnel_decoders.hpp"

namespace flowglyph {
namespace {

// How far what is being looked at goes, from record.data. Every tunnel narrows it.
struct Room {
  std::uint32_t end;      // captured
  std::uint32_t wireEnd;  // on the wire
};

struct IpLevel {
  std::uint8_t version = 0, protocol = 0;
  bool fragment = false;     // the first of several: its lengths say nothing about the whole
  bool putTogether = false;  // fragment fields are what is left of them, and looked at no more
  bool stopAtAh = false;
};

// Orders the endpoints. `compare` of addresses is bytewise, so IPv4 and IPv6 share it.
void makeKey(Packet& packet, const std::uint64_t source[2], const std::uint64_t destination[2],
             TransportPorts ports, std::uint8_t version, std::uint8_t protocol) {
  const std::uint64_t sourcePort = ports.source, destinationPort = ports.destination;
  // Any total order does, as long as both directions use the same.
  const bool low = source[0] != destination[0]   ? source[0] < destination[0]
                   : source[1] != destination[1] ? source[1] < destination[1]
                                                 : sourcePort <= destinationPort;
  packet.fromLow = low;
  // Without a branch: who sends is a coin's toss, and a wrong guess costs more than all of this.
  const std::uint64_t swapped = low ? 0 : ~std::uint64_t{0};
  const std::uint64_t first = (source[0] ^ destination[0]) & swapped,
                      second = (source[1] ^ destination[1]) & swapped;
  const std::uint64_t both = sourcePort | destinationPort << 16;
  const std::uint64_t port = (both ^ (destinationPort | sourcePort << 16)) & swapped;
  packet.key.words = {source[0] ^ first, source[1] ^ second, destination[0] ^ first, destination[1] ^ second,
                      (both ^ port) | std::uint64_t{protocol} << 32 | std::uint64_t{version} << 40};
}

// Authentication headers in IPv4: u8 next, u8 length in words less 2, ... Each is 8 bytes at the least.
SkipReason walkIpv4Ah(Packet& packet, IpLevel& level) {
  while (level.protocol == kAh && !level.stopAtAh) {
    const std::uint8_t* header = packet.record.data + packet.transportOffset;
    if (packet.ipEnd - packet.transportOffset < 8) return SkipReason::kTruncatedHeader;
    const std::uint32_t length = (header[1] + 2u) * 4;
    if (packet.ipEnd - packet.transportOffset < length) return SkipReason::kTruncatedHeader;
    packet.layers |= layerBit(Layer::kAh);
    packet.plainIp = false;
    level.protocol = header[0];
    packet.transportOffset += std::max(length, 8u);
  }
  return SkipReason::kNone;
}

SkipReason parseIpv4(Packet& packet, Room room, const ParseOptions& options, IpLevel& level) {
  const std::uint8_t* ip = packet.record.data + packet.ipOffset;
  const std::uint32_t captured = room.end - packet.ipOffset;
  packet.layers |= layerBit(Layer::kIpv4);
  if (captured < 20) return SkipReason::kTruncatedHeader;
  const std::uint32_t headerBytes = (ip[0] & 0x0F) * 4u;
  if (headerBytes < 20) return SkipReason::kBadIpHeader;
  std::uint32_t totalBytes = loadBig<std::uint16_t>(ip + 2);
  // Segmentation offload: the capturing machine left the length to its network card.
  if (totalBytes == 0) totalBytes = room.wireEnd - packet.ipOffset;
  if (totalBytes < headerBytes) return SkipReason::kBadIpHeader;
  if (captured < headerBytes) return SkipReason::kTruncatedHeader;

  level.version = 4;
  level.protocol = ip[9];
  packet.ipBytes = totalBytes;
  packet.ipEnd = packet.ipOffset + std::min(captured, totalBytes);
  packet.transportOffset = packet.ipOffset + headerBytes;
  packet.plainIp = headerBytes == 20;
  if (headerBytes != 20) packet.layers |= layerBit(Layer::kIpOptions);
  // u1 reserved, u1 don't fragment, u1 more fragments, u13 offset
  const std::uint32_t place = loadBig<std::uint16_t>(ip + 6);
  if ((place & 0x3FFF) != 0) {
    packet.layers |= layerBit(Layer::kFragment);
    if (options.defragment && !level.putTogether) return SkipReason::kFragment;
    if ((place & 0x1FFF) != 0) return SkipReason::kFragmentTail;
    level.fragment = true;
  }
  return level.protocol == kAh ? walkIpv4Ah(packet, level) : SkipReason::kNone;
}

SkipReason parseIpv6(Packet& packet, Room room, const ParseOptions& options, IpLevel& level) {
  const std::uint8_t* ip = packet.record.data + packet.ipOffset;
  const std::uint32_t captured = room.end - packet.ipOffset;
  packet.layers |= layerBit(Layer::kIpv6);
  if (captured < 40) return SkipReason::kTruncatedHeader;
  const std::uint32_t payloadLength = loadBig<std::uint16_t>(ip + 4);
  // 0 is a jumbogram or segmentation offload: the record's length stands in.
  packet.ipBytes = payloadLength != 0 ? 40 + payloadLength : room.wireEnd - packet.ipOffset;
  const std::uint32_t inPacket = std::min(captured, packet.ipBytes);
  packet.ipEnd = packet.ipOffset + inPacket;

  const Ipv6Transport transport = walkIpv6Extensions(
      {ip, inPacket},
      [&](std::uint8_t type, std::size_t, Bytes) {
        packet.layers |= layerBit(type == kAh ? Layer::kAh : Layer::kIpOptions);
      },
      level.stopAtAh);
  level.version = 6;
  level.protocol = transport.protocol;
  packet.transportOffset = packet.ipOffset + static_cast<std::uint32_t>(transport.offset);
  packet.plainIp = transport.offset == 40;
  if (transport.fragment) {
    packet.layers |= layerBit(Layer::kFragment);
    if (options.defragment && !level.putTogether) return SkipReason::kFragment;
    level.fragment = true;
  }
  return transport.reason;
}

bool ipv4ChecksumHolds(const std::uint8_t* ip, std::uint32_t headerBytes) {
  std::uint32_t sum = 0;
  for (std::uint32_t i = 0; i < headerBytes; i += 2) sum += loadBig<std::uint16_t>(ip + i);
  return ((sum & 0xFFFF) + (sum >> 16)) % 0xFFFF == 0;
}

// Whether an IP header is inside, with a length that fits into what is around it.
bool believable(const TunnelInside& inside, const std::uint8_t* frame, Room room) {
  const std::uint8_t* ip = frame + inside.ipOffset;
  const std::uint32_t captured = room.end - inside.ipOffset;
  const std::uint32_t onWire = room.wireEnd > inside.ipOffset ? room.wireEnd - inside.ipOffset : 0;
  if (captured < 20) return false;
  if (ip[0] >> 4 == 4) {
    const std::uint32_t headerBytes = (ip[0] & 0x0F) * 4u, totalBytes = loadBig<std::uint16_t>(ip + 2);
    if (headerBytes < 20 || captured < headerBytes || totalBytes < headerBytes || totalBytes > onWire)
      return false;
    return !inside.guessed || ipv4ChecksumHolds(ip, headerBytes);
  }
  if (ip[0] >> 4 != 6 || captured < 40) return false;
  const std::uint32_t totalBytes = 40u + loadBig<std::uint16_t>(ip + 4);
  return inside.guessed ? totalBytes == onWire : totalBytes <= onWire;
}

// Steps into a tunnel: `packet` and `room` become those of what is inside. False where there is none.
bool enterTunnel(Packet& packet, const IpLevel& level, const ParseOptions& options, Room& room) {
  const std::uint8_t* frame = packet.record.data;
  Room outer{packet.ipEnd, packet.ipOffset + packet.ipBytes};
  std::optional<TunnelInside> inside;
  if (level.protocol == kUdp) {
    if (packet.ipEnd - packet.transportOffset < 8) return false;
    const std::uint8_t* udp = frame + packet.transportOffset;
    if (!kTunnelPorts.maybe(loadBig<std::uint16_t>(udp)) &&
        !kTunnelPorts.maybe(loadBig<std::uint16_t>(udp + 2)))
      return false;
    if (const std::uint32_t length = loadBig<std::uint16_t>(udp + 4); length >= 8) {
      outer.end = std::min(outer.end, packet.transportOffset + length);
      outer.wireEnd = std::min(outer.wireEnd, packet.transportOffset + length);
    }
    inside = tunnelOverUdp({frame, outer.end}, packet.transportOffset, options.decap);
    if (inside) inside->layers |= layerBit(Layer::kUdp);
  } else {
    inside = tunnelOverIp(level.protocol, level.version, {frame, outer.end}, packet.transportOffset,
                          options.decap);
  }
  if (!inside) return false;
  // How long a datagram is its first fragment does not say.
  if (level.fragment) outer.wireEnd = inside->ipOffset + 40 + 0xFFFF;
  if (!believable(*inside, frame, outer)) return false;
  packet.layers |= inside->layers;
  packet.ipOffset = inside->ipOffset;
  room = outer;
  return true;
}

inline void keyFromIp(Packet& packet, const std::uint8_t* ip, TransportPorts ports, std::uint8_t version,
                      std::uint8_t protocol) {
  std::uint64_t source[2] = {}, destination[2] = {};
  if (version == 4) {
    source[0] = loadNative<std::uint32_t>(ip + 12);
    destination[0] = loadNative<std::uint32_t>(ip + 16);
  } else {
    std::memcpy(source, ip + 8, sizeof source);
    std::memcpy(destination, ip + 24, sizeof destination);
  }
  makeKey(packet, source, destination, ports, version, protocol);
}

SkipReason finish(Packet& packet, const IpLevel& level, const ParseOptions& options) {
  packet.layers |= layerBit(layerOfTransport(level.protocol));
  if (!options.protocols.has(level.protocol)) return SkipReason::kOtherTransport;
  const std::uint32_t headers = packet.transportOffset - packet.ipOffset;
  TransportPorts ports;
  if (const SkipReason reason =
          parseTransport(packet, packet.record.data, level.protocol, packet.ipBytes - headers, ports);
      reason != SkipReason::kNone)
    return reason;
  keyFromIp(packet, packet.record.data + packet.ipOffset, ports, level.version, level.protocol);
  return SkipReason::kNone;
}

// What nearly all packets are: no options, no fragment, TCP or UDP, no port of a tunnel. parseIp says the
// same of them, but takes twice as long. False: it has to.
bool parsePlain(Packet& packet, const Record& record, std::uint32_t ipOffset, LayerSet layers,
                const ParseOptions& options) {
  const std::uint8_t* ip = record.data + ipOffset;
  const std::uint32_t captured = record.capLength - ipOffset;
  constexpr std::uint32_t kPorts = 8;
  std::uint32_t headerBytes, totalBytes;
  std::uint8_t version, protocol;
  if (ip[0] == 0x45 && captured >= 20 + kPorts) {
    version = 4;
    protocol = ip[9];
    headerBytes = 20;
    totalBytes = loadBig<std::uint16_t>(ip + 2);
    if ((loadBig<std::uint16_t>(ip + 6) & 0x3FFF) != 0) return false;
  } else if (ip[0] >> 4 == 6 && captured >= 40 + kPorts) {
    version = 6;
    protocol = ip[6];
    headerBytes = 40;
    totalBytes = 40u + loadBig<std::uint16_t>(ip + 4);
  } else {
    return false;
  }
  if (totalBytes < headerBytes + kPorts || !options.protocols.has(protocol)) return false;
  if (protocol == kUdp) {
    if (options.decap != 0 && (kTunnelPorts.maybe(loadBig<std::uint16_t>(ip + headerBytes)) ||
                               kTunnelPorts.maybe(loadBig<std::uint16_t>(ip + headerBytes + 2))))
      return false;
  } else if (protocol != kTcp) {
    return false;
  }
  packet.ipBytes = totalBytes;
  packet.ipEnd = ipOffset + std::min(captured, totalBytes);
  packet.transportOffset = ipOffset + headerBytes;
  packet.plainIp = true;
  packet.layers = layers | layerBit(version == 4 ? Layer::kIpv4 : Layer::kIpv6) |
                  layerBit(protocol == kTcp ? Layer::kTcp : Layer::kUdp);
  TransportPorts ports;
  parseTransport(packet, record.data, protocol, totalBytes - headerBytes, ports);
  keyFromIp(packet, ip, ports, version, protocol);
  return true;
}

// From the IP header at packet.ipOffset inwards.
SkipReason parseIp(Packet& packet, Room room, const ParseOptions& options, bool putTogether) {
  for (;;) {
    IpLevel level;
    level.putTogether = putTogether;
    level.stopAtAh = options.protocols.has(kAh);
    SkipReason reason = SkipReason::kBadIpHeader;
    const unsigned version = packet.record.data[packet.ipOffset] >> 4;
    if (version == 4) reason = parseIpv4(packet, room, options, level);
    if (version == 6) reason = parseIpv6(packet, room, options, level);
    if (reason != SkipReason::kNone) return reason;
    if (level.protocol == kTcp || options.decap == 0 || !enterTunnel(packet, level, options, room))
      return finish(packet, level, options);
    if (packet.tunnelDepth == kMaxTunnelDepth) return SkipReason::kTunnelDepth;
    ++packet.tunnelDepth;
    putTogether = false;
  }
}

Room roomOf(const Record& record) {
  return {record.capLength, std::max(record.origLength, record.capLength)};
}

}  // namespace

SkipReason parsePacket(const Record& record, const Linktype* linktype, const ParseOptions& options,
                       Packet& packet) {
  packet.layers = 0;
  if (linktype == nullptr)
    return record.linktype == kNoLinktype ? SkipReason::kUnknownInterface : SkipReason::kUnknownLinktype;
  LinkNotes notes;
  const LinkResult link = linktype->findIp({record.data, record.capLength}, 0, notes);
  packet.layers = notes.layers;
  if (link.reason != SkipReason::kNone) return link.reason;
  packet.record = record;
  packet.linktype = linktype;
  packet.ipOffset = link.ipOffset;
  packet.outerOffset = link.ipOffset;
  packet.records = 1;
  packet.tunnelDepth = 0;
  if (parsePlain(packet, record, link.ipOffset, notes.layers, options)) return SkipReason::kNone;
  return parseIp(packet, roomOf(record), options, false);
}

SkipReason parseDatagram(const Record& record, const ParseOptions& options, Packet& packet) {
  packet.record = record;
  packet.linktype = nullptr;
  packet.ipOffset = packet.outerOffset = 0;
  packet.records = 1;
  if (record.capLength == 0) return SkipReason::kTruncatedHeader;
  return parseIp(packet, roomOf(record), options, true);
}

}  // namespace flowglyph
