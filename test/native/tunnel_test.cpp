// Tunnels, built by hand: what is inside is reached, whole and cut, and only what is believable is believed.
#include <doctest/doctest.h>

#include "support/parsed.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

const ByteVector kIn4 = ipv4({.source = 0xC0A80001,
                              .destination = 0xC0A80002,
                              .payload = tcp({.sourcePort = 1111, .payload = {1, 2, 3}})});
const ByteVector kIn6 =
    ipv6({.source = 7, .destination = 8, .payload = tcp({.sourcePort = 1111, .payload = {1, 2, 3}})});
const ByteVector kFrame4 = ethernet(kIn4, 0x0800), kFrame6 = ethernet(kIn6, 0x86DD, {0x8100});

ByteVector over4(std::uint8_t protocol, const ByteVector& payload) {
  return ipv4({.protocol = protocol, .payload = payload});
}
ByteVector over6(std::uint8_t next, const ByteVector& payload) {
  return ipv6({.nextHeader = next, .payload = payload});
}
ByteVector overUdp(std::uint16_t port, const ByteVector& payload) {
  return over4(17, udp({.sourcePort = 50000, .destinationPort = port, .payload = payload}));
}
ByteVector fromUdp(std::uint16_t port, const ByteVector& payload) {
  return over6(17, udp({.sourcePort = port, .destinationPort = 50000, .payload = payload}));
}

// A correct header checksum: contents that nothing names are believed by it.
ByteVector checksummed(ByteVector packet) {
  packet[10] = packet[11] = 0;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 20; i += 2) sum += static_cast<std::uint32_t>(packet[i] << 8 | packet[i + 1]);
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = ~((sum & 0xFFFF) + (sum >> 16));
  packet[10] = static_cast<std::uint8_t>(sum >> 8);
  packet[11] = static_cast<std::uint8_t>(sum);
  return packet;
}

struct TunnelCase {
  Tunnel tunnel;
  const char* what;
  ByteVector packet;  // IP
  ByteVector inner;   // its end: the IP packet inside
};

std::vector<TunnelCase> cases() {
  const ByteVector vxlan = {8, 0, 0, 0, 0, 0, 99, 0};
  const ByteVector gtp = {0x30, 0xFF, 0, 60, 0, 0, 0, 5};
  const ByteVector sum4 = checksummed(kIn4), sumFrame4 = ethernet(sum4, 0x0800);
  return {
      {Tunnel::kIpInIp, "4 in 4", over4(4, kIn4), kIn4},
      {Tunnel::kIpInIp, "4 in 6", over6(4, kIn4), kIn4},
      {Tunnel::kIpInIp, "6 in 6", over6(41, kIn6), kIn6},
      {Tunnel::k6in4, "6 in 4", over4(41, kIn6), kIn6},
      {Tunnel::kTeredo, "plain", overUdp(3544, kIn6), kIn6},
      {Tunnel::kTeredo, "origin", fromUdp(3544, with({0, 0, 1, 2, 3, 4, 5, 6}, kIn6)), kIn6},
      {Tunnel::kTeredo, "authentication and origin",
       fromUdp(3544, with({0, 1, 2, 1, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6}, kIn6)),
       kIn6},
      {Tunnel::kGre, "plain", over4(47, with({0, 0, 8, 0}, kIn4)), kIn4},
      {Tunnel::kGre, "in IPv6", over6(47, with({0, 0, 0x86, 0xDD}, kIn6)), kIn6},
      {Tunnel::kGre, "checksum, key, sequence",
       over4(47, with({0xB0, 0, 8, 0, 1, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1}, kIn4)), kIn4},
      {Tunnel::kGre, "routing",
       over4(47, with({0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 10, 0, 0, 1, 0, 0, 0, 0}, kIn4)), kIn4},
      {Tunnel::kGre, "Ethernet", over4(47, with({0, 0, 0x65, 0x58}, kFrame4)), kIn4},
      {Tunnel::kGre, "labels", over4(47, with({0, 0, 0x88, 0x47, 0, 1, 1, 64}, kIn6)), kIn6},
      {Tunnel::kGre, "PPTP",
       over4(47, with({0x30, 1, 0x88, 0x0B, 0, 60, 0, 1, 0, 0, 0, 1, 0xFF, 3, 0, 0x21}, kIn4)), kIn4},
      {Tunnel::kGre, "PPTP with an acknowledgement",
       over4(47, with({0x30, 0x81, 0x88, 0x0B, 0, 60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x21}, kIn4)), kIn4},
      {Tunnel::kGre, "over UDP", overUdp(4754, with({0x20, 0, 0x86, 0xDD, 0, 0, 0, 7}, kIn6)), kIn6},
      {Tunnel::kGre, "802.11",
       over4(47, with({0, 0, 0x82, 0x40, 0x08, 2, 0, 0},
                      with(with(filled(18, 1), {0x50, 1, 0xAA, 0xAA, 3, 0, 0, 0, 8, 0}), kIn4))),
       kIn4},
      {Tunnel::kGre, "WCCP 1", over4(47, with({0, 0, 0x88, 0x3E}, kIn4)), kIn4},
      {Tunnel::kGre, "WCCP 2", over4(47, with({0, 0, 0x88, 0x3E, 0, 1, 2, 3}, kIn4)), kIn4},
      {Tunnel::kErspan, "type I", over4(47, with({0, 0, 0x88, 0xBE}, kFrame4)), kIn4},
      {Tunnel::kErspan, "type II",
       over4(47, with({0x10, 0, 0x88, 0xBE, 0, 0, 0, 1, 0x10, 5, 0, 9, 0, 0, 0, 2}, kFrame4)), kIn4},
      {Tunnel::kErspan, "type III",
       over4(47, with({0x10, 0, 0x22, 0xEB, 0, 0, 0, 1, 0x20, 5, 0, 9, 0, 0, 0, 2, 0, 0, 0, 0}, kFrame6)),
       kIn6},
      {Tunnel::kErspan, "type III with a platform's header",
       over4(47, with({0x10, 0, 0x22, 0xEB, 0, 0, 0, 1, 0x20, 5, 0, 9, 0, 0,
                       0,    2, 0,    0,    0, 1, 1, 2, 3,    4, 5, 6, 7, 8},
                      kFrame4)),
       kIn4},
      {Tunnel::kNvgre, "nvgre", over4(47, with({0x20, 0, 0x65, 0x58, 0, 0, 99, 1}, kFrame4)), kIn4},
      {Tunnel::kVxlan, "4789", overUdp(4789, with(vxlan, kFrame4)), kIn4},
      {Tunnel::kVxlan, "8472", overUdp(8472, with(vxlan, kFrame6)), kIn6},
      {Tunnel::kVxlanGpe, "IPv4", overUdp(4790, with({0x0C, 0, 0, 1, 0, 0, 99, 0}, kIn4)), kIn4},
      {Tunnel::kVxlanGpe, "Ethernet", overUdp(4790, with({0x0C, 0, 0, 3, 0, 0, 99, 0}, kFrame4)), kIn4},
      {Tunnel::kVxlanGpe, "NSH",
       overUdp(4790, with({0x0C, 0, 0, 4, 0, 0, 99, 0, 0x0F, 0xC2, 2, 2, 0, 0, 1, 255}, kIn6)), kIn6},
      {Tunnel::kVxlanGpe, "labels", overUdp(4790, with({0x0C, 0, 0, 5, 0, 0, 99, 0, 0, 1, 1, 64}, kIn4)),
       kIn4},
      {Tunnel::kGeneve, "Ethernet", overUdp(6081, with({0, 0, 0x65, 0x58, 0, 0, 99, 0}, kFrame4)), kIn4},
      {Tunnel::kGeneve, "options",
       overUdp(6081, with({2, 0, 0x86, 0xDD, 0, 0, 99, 0, 1, 2, 3, 1, 4, 5, 6, 7}, kIn6)), kIn6},
      {Tunnel::kGtpU, "plain", overUdp(2152, with(gtp, kIn4)), kIn4},
      {Tunnel::kGtpU, "from the port", fromUdp(2152, with(gtp, kIn6)), kIn6},
      {Tunnel::kGtpU, "sequence number",
       overUdp(2152, with({0x32, 0xFF, 0, 60, 0, 0, 0, 5, 0, 1, 0, 0}, kIn4)), kIn4},
      {Tunnel::kGtpU, "extensions",
       overUdp(2152, with({0x34, 0xFF, 0, 60, 0, 0, 0, 5, 0, 0, 0, 0x85, 1, 1, 9, 0xC0, 1, 0, 0, 0}, kIn6)),
       kIn6},
      {Tunnel::kL2tp, "version 2", overUdp(1701, with({0, 2, 0, 1, 0, 2, 0xFF, 3, 0, 0x21}, kIn4)), kIn4},
      {Tunnel::kL2tp, "length, numbers, offset",
       overUdp(1701, with({0x4A, 2, 0, 60, 0, 1, 0, 2, 0, 0, 0, 0, 0, 2, 9, 9, 0x57}, kIn6)), kIn6},
      {Tunnel::kL2tp, "version 3 over UDP", overUdp(1701, with({0, 3, 0, 0, 0, 0, 0, 9}, sumFrame4)), sum4},
      {Tunnel::kL2tp, "version 3 over IP, cookie", over4(115, with({0, 0, 0, 9, 1, 2, 3, 4}, sumFrame4)),
       sum4},
      {Tunnel::kL2tp, "version 3 over IP, cookie and sublayer, PPP",
       over6(115, with({0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0xFF, 3, 0, 0x57}, kIn6)), kIn6},
  };
}

ParseOptions only(TunnelSet tunnels) {
  ParseOptions options;
  options.decap = tunnels;
  return options;
}

TunnelSet setOf(Tunnel tunnel) { return TunnelSet{1} << static_cast<unsigned>(tunnel); }

}  // namespace

TEST_SUITE_BEGIN("tunnels");

TEST_CASE("every tunnel is removed down to what is inside") {
  TunnelSet covered = 0;
  for (const TunnelCase& c : cases()) {
    CAPTURE(kTunnelNames[static_cast<std::size_t>(c.tunnel)]);
    CAPTURE(c.what);
    covered |= setOf(c.tunnel);
    const std::size_t innerAt = c.packet.size() - c.inner.size();
    for (const std::uint16_t linktype : {std::uint16_t{101}, std::uint16_t{1}}) {
      const ByteVector frame =
          linktype == 101 ? c.packet : ethernet(c.packet, c.packet[0] >> 4 == 4 ? 0x0800 : 0x86DD);
      const std::size_t outerAt = frame.size() - c.packet.size();
      const Parsed got = parsed(frame, linktype);
      REQUIRE(got.reason == SkipReason::kNone);
      CHECK(got.packet.outerOffset == outerAt);
      CHECK(got.packet.ipOffset == outerAt + innerAt);
      CHECK(got.packet.ipEnd == frame.size());
      CHECK(got.packet.ipBytes == c.inner.size());
      CHECK(got.packet.tunnelDepth == 1);
      CHECK(got.packet.protocol() == kTcp);
      CHECK(got.packet.payloadBytes == 3);
      CHECK((got.packet.layers >> (static_cast<unsigned>(Layer::kIpInIp) + static_cast<unsigned>(c.tunnel)) &
             1) == 1);
      CHECK((got.packet.layers & layerBit(Layer::kTcp)) != 0);
    }
    // Asked for or not.
    const bool greKind = c.tunnel == Tunnel::kNvgre;
    CHECK(parsed(c.packet, 101, only(setOf(c.tunnel))).packet.tunnelDepth == 1);
    const TunnelSet others = kAllTunnels & ~setOf(c.tunnel) & ~(greKind ? setOf(Tunnel::kGre) : 0);
    const Parsed outside = parsed(c.packet, 101, only(others));
    const Parsed none = parsed(c.packet, 101, only(0));
    CHECK(outside.reason == none.reason);
    CHECK(none.packet.ipOffset == 0);
    const bool udpTunnel = c.packet[c.packet[0] >> 4 == 4 ? 9 : 6] == kUdp;
    CHECK(none.reason == (udpTunnel ? SkipReason::kNone : SkipReason::kOtherTransport));
  }
  CHECK(covered == kAllTunnels);
}

TEST_CASE("a tunnel cut anywhere before the header inside stays what it is outside") {
  for (const TunnelCase& c : cases()) {
    CAPTURE(kTunnelNames[static_cast<std::size_t>(c.tunnel)]);
    CAPTURE(c.what);
    const std::size_t innerAt = c.packet.size() - c.inner.size();
    const bool six = c.inner[0] >> 4 == 6;
    for (std::size_t length = 0; length < c.packet.size(); ++length) {
      CAPTURE(length);
      const Parsed got =
          parsed(firstOf(c.packet, length), 101, {}, static_cast<std::uint32_t>(c.packet.size()));
      const Parsed outside =
          parsed(firstOf(c.packet, length), 101, only(0), static_cast<std::uint32_t>(c.packet.size()));
      if (length < innerAt + (six ? 40 : 20)) {
        CHECK(got.reason == outside.reason);
        if (got.reason == SkipReason::kNone) CHECK(got.packet.key == outside.packet.key);
        CHECK(got.packet.tunnelDepth == 0);
      } else {
        CHECK(got.packet.tunnelDepth == 1);
        CHECK((got.reason == SkipReason::kNone) == (length >= innerAt + (six ? 44 : 24)));
      }
    }
  }
}

TEST_CASE("what is inside is believed only where it fits") {
  const ByteVector vxlan = {8, 0, 0, 0, 0, 0, 99, 0};
  ByteVector tooLong = kIn4, badLength = kIn4, badVersion = kIn4, shortTotal = kIn4;
  tooLong[3] = static_cast<std::uint8_t>(kIn4.size() + 1);
  badLength[0] = 0x44;
  badVersion[0] = 0x55;
  shortTotal[3] = 19;
  for (const ByteVector& inner : {tooLong, badLength, badVersion, shortTotal}) {
    const Parsed udpOutside = parsed(overUdp(4789, with(vxlan, ethernet(inner, 0x0800))));
    CHECK(udpOutside.reason == SkipReason::kNone);
    CHECK(udpOutside.packet.protocol() == kUdp);
    CHECK(udpOutside.packet.tunnelDepth == 0);
    CHECK(parsed(over4(47, with({0, 0, 8, 0}, inner))).reason == SkipReason::kOtherTransport);
  }
  // ARP inside, a flag not set, a control message, another version.
  const std::vector<std::pair<std::uint16_t, ByteVector>> outsiders = {
      {4789, with(vxlan, ethernet(filled(28, 1), 0x0806))},
      {4789, with({0, 0, 0, 0, 0, 0, 99, 0}, kFrame4)},
      {6081, with({0x40, 0, 0x65, 0x58, 0, 0, 99, 0}, kFrame4)},
      {2152, with({0x30, 1, 0, 60, 0, 0, 0, 5}, kIn4)},
      {2152, with({0x50, 0xFF, 0, 60, 0, 0, 0, 5}, kIn4)},
      {2152, with({0x34, 0xFF, 0, 60, 0, 0, 0, 5, 0, 0, 0, 0x85, 0, 0, 0, 0}, kIn4)},
      {1701, with({0xC8, 2, 0, 60, 0, 1, 0, 2, 0, 0, 0, 0}, kIn4)},
      {1701, with({0, 3, 0, 0, 0, 0, 0, 9}, kFrame4)},  // version 3, and the checksum inside is wrong
      {3544, kIn4},
      {443, with(vxlan, kFrame4)},
  };
  for (const auto& [port, payload] : outsiders) {
    CAPTURE(port);
    const Parsed got = parsed(overUdp(port, payload));
    CHECK(got.reason == SkipReason::kNone);
    CHECK(got.packet.protocol() == kUdp);
    CHECK(got.packet.tunnelDepth == 0);
  }
  // VXLAN's source port is a hash: it says nothing.
  CHECK(parsed(fromUdp(4789, with(vxlan, kFrame4))).packet.tunnelDepth == 0);
  // The UDP length bounds what is inside, too.
  ByteVector shortUdp = overUdp(2152, with({0x30, 0xFF, 0, 60, 0, 0, 0, 5}, kIn4));
  shortUdp[20 + 5] = static_cast<std::uint8_t>(shortUdp[20 + 5] - 1);
  CHECK(parsed(shortUdp).packet.tunnelDepth == 0);
}

TEST_CASE("padding around the packet inside is not part of it") {
  ByteVector padded = kFrame4;
  padded.resize(padded.size() + 6);
  const Parsed got = parsed(overUdp(4789, with({8, 0, 0, 0, 0, 0, 99, 0}, padded)));
  REQUIRE(got.packet.tunnelDepth == 1);
  CHECK(got.packet.ipEnd - got.packet.ipOffset == kIn4.size());
  CHECK(got.packet.payloadBytes == 3);
}

TEST_CASE("tunnels in tunnels, up to the limit") {
  ByteVector packet = kIn4;
  for (unsigned depth = 1; depth <= kMaxTunnelDepth + 1; ++depth) {
    CAPTURE(depth);
    packet = depth % 2 == 0 ? over4(4, packet)
                            : overUdp(4789, with({8, 0, 0, 0, 0, 0, 99, 0}, ethernet(packet, 0x0800)));
    const Parsed got = parsed(packet);
    if (depth <= kMaxTunnelDepth) {
      REQUIRE(got.reason == SkipReason::kNone);
      CHECK(got.packet.tunnelDepth == depth);
      CHECK(got.packet.ipOffset == packet.size() - kIn4.size());
      CHECK(got.packet.outerOffset == 0);
    } else {
      CHECK(got.reason == SkipReason::kTunnelDepth);
    }
  }
  // Where the list ends, the walk ends.
  const ByteVector mixed = over4(4, overUdp(4789, with({8, 0, 0, 0, 0, 0, 99, 0}, kFrame4)));
  const Parsed got = parsed(mixed, 101, only(setOf(Tunnel::kIpInIp)));
  CHECK(got.packet.tunnelDepth == 1);
  CHECK(got.packet.protocol() == kUdp);
}

TEST_CASE("the protocol asked for is that of the innermost packet") {
  const ByteVector ping = ipv4({.protocol = kIcmp, .payload = {8, 0, 0, 0, 0, 1, 0, 2}});
  CHECK(parsed(over4(4, ping)).reason == SkipReason::kOtherTransport);
  ParseOptions options;
  options.protocols = {kIcmp};
  const Parsed got = parsed(over4(4, ping), 101, options);
  CHECK(got.reason == SkipReason::kNone);
  CHECK(got.packet.protocol() == kIcmp);
  options = only(0);
  options.protocols = {4};
  const Parsed outside = parsed(over4(4, ping), 101, options);
  CHECK(outside.reason == SkipReason::kNone);
  CHECK(outside.packet.protocol() == 4);
  CHECK(outside.packet.payloadOffset == 20);
}

TEST_SUITE_END();
