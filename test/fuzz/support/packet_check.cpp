#include "support/packet_check.hpp"

#include <algorithm>

#include "bytes.hpp"
#include "support/check.hpp"

namespace flowglyph::fuzz {
namespace {

bool has(const Packet& packet, Layer layer) { return (packet.layers & layerBit(layer)) != 0; }

// The layers and depth tell of the same tunnels, and only of those that were to be removed.
void checkTunnels(const Packet& packet, const ParseOptions& options) {
  FUZZ_CHECK(packet.tunnelDepth <= kMaxTunnelDepth);
  FUZZ_CHECK(packet.outerOffset <= packet.ipOffset);
  FUZZ_CHECK((packet.tunnelDepth == 0) == (packet.outerOffset == packet.ipOffset));
  if ((options.decap & kAllTunnels) == 0) FUZZ_CHECK(packet.tunnelDepth == 0);
}

}  // namespace

void checkInside(const Packet& packet, const Record& record, const ParseOptions& options) {
  FUZZ_CHECK(packet.record.data == record.data && packet.record.capLength == record.capLength &&
             packet.record.origLength == record.origLength && packet.record.timeNs == record.timeNs &&
             packet.record.linktype == record.linktype);
  FUZZ_CHECK(packet.ipOffset < packet.transportOffset && packet.transportOffset <= packet.payloadOffset &&
             packet.payloadOffset <= packet.payloadEnd && packet.payloadEnd <= packet.ipEnd &&
             packet.ipEnd <= record.capLength);
  FUZZ_CHECK(packet.ipBytes >= packet.ipEnd - packet.ipOffset);
  FUZZ_CHECK(packet.records == 1);
  const std::uint8_t* ip = record.data + packet.ipOffset;
  FUZZ_CHECK(packet.ipVersion() == ip[0] >> 4);
  FUZZ_CHECK(packet.ipVersion() == 4 || packet.ipVersion() == 6);
  const std::uint32_t headerBytes = packet.ipVersion() == 4 ? 20 : 40;
  FUZZ_CHECK(packet.transportOffset - packet.ipOffset >= headerBytes);
  FUZZ_CHECK(packet.plainIp == (packet.transportOffset - packet.ipOffset == headerBytes));
  FUZZ_CHECK(options.protocols.has(packet.protocol()));
  FUZZ_CHECK(packet.payloadBytes >= packet.payloadEnd - packet.payloadOffset);
  FUZZ_CHECK(packet.payloadBytes <= packet.ipBytes);
  FUZZ_CHECK(packet.layers >> kLayers == 0);
  FUZZ_CHECK(has(packet, packet.ipVersion() == 4 ? Layer::kIpv4 : Layer::kIpv6));

  const bool ported = packet.protocol() == kTcp || packet.protocol() == kUdp;
  if (!ported) return;
  const std::uint8_t* transport = record.data + packet.transportOffset;
  FUZZ_CHECK(packet.ipEnd - packet.transportOffset >= 4);
  const auto source = loadBig<std::uint16_t>(transport), destination = loadBig<std::uint16_t>(transport + 2);
  FUZZ_CHECK((packet.fromLow ? packet.key.lowPort() : packet.key.highPort()) == source);
  FUZZ_CHECK((packet.fromLow ? packet.key.highPort() : packet.key.lowPort()) == destination);
  if (packet.protocol() != kTcp) {
    FUZZ_CHECK(packet.tcpFlags == 0);
  } else if (packet.ipEnd - packet.transportOffset >= 14) {
    FUZZ_CHECK(packet.sequence == loadBig<std::uint32_t>(transport + 4) && packet.tcpFlags == transport[13]);
  }
}

void checkPacket(const Packet& packet, const Record& record, const ParseOptions& options) {
  checkInside(packet, record, options);
  checkTunnels(packet, options);
}

void checkFragment(const Packet& packet, const Record& record, const ParseOptions& options) {
  FUZZ_CHECK(options.defragment);
  FUZZ_CHECK(packet.ipOffset < packet.ipEnd && packet.ipEnd <= record.capLength);
  const std::uint8_t version = record.data[packet.ipOffset] >> 4;
  FUZZ_CHECK(version == 4 || version == 6);
  FUZZ_CHECK(packet.ipEnd - packet.ipOffset >= (version == 4 ? 20u : 48u));
  FUZZ_CHECK(has(packet, Layer::kFragment));
  checkTunnels(packet, options);
}

void checkSamePacket(const Packet& a, const Packet& b) {
  FUZZ_CHECK(a.linktype == b.linktype && a.ipOffset == b.ipOffset && a.ipEnd == b.ipEnd &&
             a.transportOffset == b.transportOffset && a.payloadOffset == b.payloadOffset &&
             a.payloadEnd == b.payloadEnd && a.ipBytes == b.ipBytes && a.records == b.records &&
             a.outerOffset == b.outerOffset && a.layers == b.layers && a.tunnelDepth == b.tunnelDepth &&
             a.tcpFlags == b.tcpFlags && a.sequence == b.sequence && a.payloadBytes == b.payloadBytes &&
             a.plainIp == b.plainIp && a.fromLow == b.fromLow && a.key == b.key);
}

}  // namespace flowglyph::fuzz
