// Transports beyond TCP and UDP, authentication headers, and fragments as parsePacket gives them back.
#include <doctest/doctest.h>

#include "parse/transport.hpp"
#include "support/parsed.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

ParseOptions asking(std::initializer_list<std::uint8_t> protocols) {
  ParseOptions options;
  options.protocols = protocols;
  return options;
}

ByteVector over4(std::uint8_t protocol, const ByteVector& payload) {
  return ipv4({.protocol = protocol, .payload = payload});
}
ByteVector over6(std::uint8_t next, const ByteVector& payload) {
  return ipv6({.nextHeader = next, .payload = payload});
}

// next header, length, reserved, security association, sequence number, 12 bytes of check value
ByteVector authentication(std::uint8_t next) {
  return with({next, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1}, filled(12, 1));
}

const ByteVector kPorts = {0x9C, 0x40, 0x01, 0xBB};  // 40000, 443

}  // namespace

TEST_SUITE_BEGIN("protocols");

TEST_CASE("every protocol is a session of its own when asked for, and otherTransport when not") {
  struct Case {
    std::uint8_t protocol;
    ByteVector segment;
    std::uint32_t headerBytes;
    std::uint16_t sourcePort, destinationPort;
    Layer layer;
  };
  const std::vector<Case> cases = {
      {kTcp, tcp({.payload = {1, 2, 3}}), 20, 40000, 443, Layer::kTcp},
      {kUdp, udp({.payload = {1, 2, 3}}), 8, 40000, 443, Layer::kUdp},
      {kUdpLite, with(kPorts, {0, 8, 1, 1, 1, 2, 3}), 8, 40000, 443, Layer::kOtherTransport},
      {kDccp, with(kPorts, {4, 0, 1, 1, 4, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3}), 16, 40000, 443,
       Layer::kOtherTransport},
      {kSctp, with(kPorts, {0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3}), 12, 40000, 443, Layer::kSctp},
      {kIcmp, {8, 0, 1, 1, 0x12, 0x34, 0, 1, 1, 2, 3}, 8, 0x1234, 0x1234, Layer::kIcmp},
      {kIcmp, {3, 1, 1, 1, 0x12, 0x34, 0, 1, 1, 2, 3}, 8, 0, 0, Layer::kIcmp},
      {kIcmpV6, {129, 0, 1, 1, 0x12, 0x34, 0, 1, 1, 2, 3}, 8, 0x1234, 0x1234, Layer::kIcmpV6},
      {kIcmpV6, {135, 0, 1, 1, 0x12, 0x34, 0, 1, 1, 2, 3}, 8, 0, 0, Layer::kIcmpV6},
      {kEsp, {0, 0, 0, 9, 0, 0, 0, 1, 1, 2, 3}, 8, 0, 0, Layer::kEsp},
      {kAh, with(authentication(kTcp), {1, 2, 3}), 24, 0, 0, Layer::kAh},
      {kGreProtocol, {0, 0, 0x88, 1, 2, 3}, 0, 0, 0, Layer::kOtherTransport},
      {89, {2, 1, 0, 3}, 0, 0, 0, Layer::kOtherTransport},
      {255, {}, 0, 0, 0, Layer::kOtherTransport},
  };
  for (const Case& c : cases) {
    CAPTURE(static_cast<int>(c.protocol));
    for (const bool six : {false, true}) {
      const ByteVector packet = six ? over6(c.protocol, c.segment) : over4(c.protocol, c.segment);
      const std::uint32_t transportAt = six ? 40 : 20;
      const Parsed got = parsed(packet, 101, asking({c.protocol}));
      REQUIRE(got.reason == SkipReason::kNone);
      CHECK(got.packet.protocol() == c.protocol);
      CHECK(got.packet.transportOffset == transportAt);
      CHECK(got.packet.payloadOffset == transportAt + c.headerBytes);
      CHECK(got.packet.payloadEnd == packet.size());
      CHECK(got.packet.payloadBytes == c.segment.size() - c.headerBytes);
      CHECK((got.packet.layers & layerBit(c.layer)) != 0);
      CHECK((got.packet.fromLow ? got.packet.key.lowPort() : got.packet.key.highPort()) == c.sourcePort);
      CHECK((got.packet.fromLow ? got.packet.key.highPort() : got.packet.key.lowPort()) == c.destinationPort);
      const Parsed not_asked = parsed(packet, 101, asking({99}));
      if (c.protocol != kAh) CHECK(not_asked.reason == SkipReason::kOtherTransport);
      CHECK((not_asked.packet.layers & layerBit(c.layer)) != 0);
      // Cut anywhere nothing is read beyond the end.
      for (std::size_t length = 0; length < packet.size(); ++length) {
        const Parsed cut = parsed(firstOf(packet, length), 101, asking({c.protocol}));
        if (cut.reason == SkipReason::kNone) {
          CHECK(cut.packet.payloadOffset <= cut.packet.payloadEnd);
          CHECK(cut.packet.payloadEnd <= length);
        }
      }
    }
  }
}

TEST_CASE("both directions of a protocol have one key: echoes by their identifier, ESP by the addresses") {
  const auto keyOf = [](const ByteVector& packet, std::uint8_t protocol) {
    const Parsed got = parsed(packet, 101, asking({protocol}));
    REQUIRE(got.reason == SkipReason::kNone);
    return got.packet.key;
  };
  const auto between = [](std::uint32_t from, std::uint32_t to, std::uint8_t protocol,
                          const ByteVector& segment) {
    return ipv4({.source = from, .destination = to, .protocol = protocol, .payload = segment});
  };
  CHECK(keyOf(between(1, 2, kIcmp, {8, 0, 0, 0, 7, 7, 0, 1}), kIcmp) ==
        keyOf(between(2, 1, kIcmp, {0, 0, 0, 0, 7, 7, 0, 1}), kIcmp));
  CHECK_FALSE(keyOf(between(1, 2, kIcmp, {8, 0, 0, 0, 7, 7, 0, 1}), kIcmp) ==
              keyOf(between(2, 1, kIcmp, {0, 0, 0, 0, 7, 8, 0, 1}), kIcmp));
  CHECK(keyOf(between(1, 2, kEsp, {0, 0, 0, 1, 0, 0, 0, 1}), kEsp) ==
        keyOf(between(2, 1, kEsp, {9, 9, 9, 9, 0, 0, 0, 1}), kEsp));
  CHECK(keyOf(between(1, 2, kSctp, with({0, 1, 0, 2}, filled(8, 1))), kSctp) ==
        keyOf(between(2, 1, kSctp, with({0, 2, 0, 1}, filled(8, 7))), kSctp));
}

TEST_CASE("the short way that plain packets take says what the long way says") {
  // parseDatagram always walks. Every byte of the headers takes values that send the packet either way.
  const std::vector<ByteVector> seeds = {
      ipv4({.payload = tcp({.payload = {1, 2, 3}})}), over4(kUdp, udp({.payload = {1, 2, 3}})),
      ipv6({.payload = tcp({.options = {1, 1, 1, 1}, .payload = {1, 2, 3}})}),
      over6(kUdp, udp({.payload = {1, 2, 3}}))};
  for (const ByteVector& seed : seeds) {
    for (std::size_t at = 0; at < std::min<std::size_t>(seed.size(), 62); ++at) {
      for (const std::uint8_t value :
           {0x00, 0x01, 0x04, 0x06, 0x08, 0x11, 0x20, 0x27, 0x29, 0x2F, 0x33, 0x45, 0x46, 0x60, 0x80, 0xFF}) {
        for (const std::size_t cut : {std::size_t{0}, std::size_t{3}, seed.size() - 27}) {
          ByteVector bytes = firstOf(seed, seed.size() - cut);
          if (at >= bytes.size()) continue;
          bytes[at] = value;
          if ((bytes[0] >> 4 == 4 && (at == 6 || at == 7)) || bytes[0] >> 4 != seed[0] >> 4)
            continue;  // parseDatagram overlooks fragments
          CAPTURE(at);
          CAPTURE(cut);
          const auto onWire = static_cast<std::uint32_t>(seed.size());
          const Parsed shortWay = parsed(bytes, 101, {}, onWire);
          Packet longWay{};
          const Record record{1, shortWay.bytes.get(), static_cast<std::uint32_t>(bytes.size()), onWire, 101,
                              0};
          REQUIRE(shortWay.reason == parseDatagram(record, {}, longWay));
          const Packet& packet = shortWay.packet;
          CHECK(packet.layers == longWay.layers);
          if (shortWay.reason != SkipReason::kNone) continue;
          CHECK(packet.key == longWay.key);
          CHECK(packet.fromLow == longWay.fromLow);
          CHECK(packet.ipOffset == longWay.ipOffset);
          CHECK(packet.ipEnd == longWay.ipEnd);
          CHECK(packet.ipBytes == longWay.ipBytes);
          CHECK(packet.transportOffset == longWay.transportOffset);
          CHECK(packet.payloadOffset == longWay.payloadOffset);
          CHECK(packet.payloadEnd == longWay.payloadEnd);
          CHECK(packet.payloadBytes == longWay.payloadBytes);
          CHECK(packet.sequence == longWay.sequence);
          CHECK(packet.tcpFlags == longWay.tcpFlags);
          CHECK(packet.plainIp == longWay.plainIp);
          CHECK(packet.tunnelDepth == longWay.tunnelDepth);
        }
      }
    }
  }
}

TEST_CASE("an identifier that was cut off makes no session; without one the type is enough") {
  const ByteVector echo = over4(kIcmp, {8, 0, 1, 1, 0x12, 0x34, 0, 1});
  CHECK(parsed(firstOf(echo, 25), 101, asking({kIcmp})).reason == SkipReason::kTruncatedHeader);
  CHECK(parsed(firstOf(echo, 26), 101, asking({kIcmp})).reason == SkipReason::kNone);
  const ByteVector unreachable = over4(kIcmp, {3, 0, 1, 1, 0, 0, 0, 0});
  CHECK(parsed(firstOf(unreachable, 21), 101, asking({kIcmp})).reason == SkipReason::kNone);
  CHECK(parsed(firstOf(unreachable, 20), 101, asking({kIcmp})).reason == SkipReason::kTruncatedHeader);
}

TEST_CASE("authentication headers are walked through unless they are what was asked for") {
  const ByteVector segment = tcp({.payload = {1, 2}});
  for (const bool six : {false, true}) {
    const ByteVector inside = with(authentication(kTcp), segment);
    const ByteVector packet = six ? over6(kAh, inside) : over4(kAh, inside);
    const std::uint32_t at = six ? 40 : 20;
    const Parsed through = parsed(packet);
    REQUIRE(through.reason == SkipReason::kNone);
    CHECK(through.packet.protocol() == kTcp);
    CHECK(through.packet.transportOffset == at + 24);
    CHECK(through.packet.payloadBytes == 2);
    CHECK_FALSE(through.packet.plainIp);
    CHECK((through.packet.layers & layerBit(Layer::kAh)) != 0);
    const Parsed itself = parsed(packet, 101, asking({kTcp, kAh}));
    CHECK(itself.packet.protocol() == kAh);
    CHECK(itself.packet.transportOffset == at);
    for (std::size_t length = at; length < at + 28; ++length)
      CHECK(parsed(firstOf(packet, length)).reason == SkipReason::kTruncatedHeader);
    // Tunnel mode: the header authenticates a whole packet.
    const ByteVector whole = ipv4({.source = 5, .payload = segment});
    const ByteVector tunnelled = with(authentication(4), whole);
    CHECK(parsed(six ? over6(kAh, tunnelled) : over4(kAh, tunnelled)).packet.tunnelDepth == 1);
  }
}

TEST_CASE("TCP's sequence number and flags, and what is not known is 0") {
  const ByteVector packet = over4(kTcp, tcp({.sequence = 0x01020304, .payload = filled(10, 1)}));
  const Parsed whole = parsed(packet);
  CHECK(whole.packet.sequence == 0x01020304);
  CHECK(whole.packet.tcpFlags == 0x18);
  CHECK(whole.packet.payloadBytes == 10);
  // Under a snaplen the lengths in the headers still count.
  const auto onWire = static_cast<std::uint32_t>(packet.size());
  CHECK(parsed(firstOf(packet, 40), 101, {}, onWire).packet.payloadBytes == 10);
  CHECK(parsed(firstOf(packet, 33), 101, {}, onWire).packet.payloadBytes == 0);
  CHECK(parsed(firstOf(packet, 33), 101, {}, onWire).packet.tcpFlags == 0);
  CHECK(parsed(firstOf(packet, 33), 101, {}, onWire).packet.sequence == 0x01020304);
  CHECK(parsed(firstOf(packet, 26), 101, {}, onWire).packet.sequence == 0);
  const ByteVector datagram = over4(kUdp, udp({.payload = filled(10, 1)}));
  CHECK(parsed(firstOf(datagram, 28), 101, {}, 38).packet.payloadBytes == 10);
  const ByteVector acknowledgement = ethernet(over4(kTcp, tcp({})), 0x0800);
  ByteVector framed = acknowledgement;
  framed.resize(60);  // Ethernet's padding
  CHECK(parsed(framed, 1).packet.payloadBytes == 0);
  CHECK(parsed(framed, 1).packet.payloadEnd == acknowledgement.size());
}

TEST_CASE("fragments are given back when asked for, first ones and later ones, at any depth") {
  ParseOptions back;
  back.defragment = true;
  const ByteVector first4 = ipv4({.flagsAndOffset = 0x2000, .payload = tcp({.payload = filled(4, 1)})});
  const ByteVector later4 = ipv4({.flagsAndOffset = 0x0003, .payload = filled(24, 1)});
  const ByteVector first6 = over6(44, with({6, 0, 0, 1, 1, 2, 3, 4}, tcp({.payload = filled(4, 1)})));
  const ByteVector later6 = over6(44, with({6, 0, 0, 8, 1, 2, 3, 4}, filled(24, 1)));
  const ByteVector behind6 =
      over6(60, with({44, 0, 1, 4, 0, 0, 0, 0}, with({6, 0, 0, 8, 1, 2, 3, 4}, filled(24, 1))));
  for (const ByteVector& fragment : {first4, later4, first6, later6, behind6}) {
    const std::uint16_t etherType = fragment[0] >> 4 == 4 ? 0x0800 : 0x86DD;
    for (const bool inside : {false, true}) {
      CAPTURE(inside);
      const ByteVector ip =
          inside ? over4(17, udp({.destinationPort = 4789,
                                  .payload = with({8, 0, 0, 0, 0, 0, 0, 9}, ethernet(fragment, etherType))}))
                 : fragment;
      ByteVector frame = ethernet(ip, inside ? 0x0800 : etherType);
      const std::size_t end = frame.size();
      if (!inside) frame.resize(frame.size() + 5);
      const Parsed got = parsed(frame, 1, back);
      CHECK(got.reason == SkipReason::kFragment);
      CHECK(got.packet.ipOffset == end - fragment.size());
      CHECK(got.packet.ipEnd == end);
      CHECK(got.packet.outerOffset == 14);
      CHECK(got.packet.tunnelDepth == (inside ? 1 : 0));
      CHECK((got.packet.layers & layerBit(Layer::kFragment)) != 0);
      CHECK(got.packet.linktype == findLinktype(1));
      CHECK(got.packet.record.capLength == frame.size());
      const bool tail = fragment != first4 && fragment != first6;
      CHECK(parsed(frame, 1).reason == (tail ? SkipReason::kFragmentTail : SkipReason::kNone));
    }
  }
  // Atomic fragments are none (RFC 6946); nor is a packet that must not be fragmented.
  CHECK(parsed(over6(44, with({6, 0, 0, 0, 1, 2, 3, 4}, tcp({}))), 101, back).reason == SkipReason::kNone);
  CHECK(parsed(ipv4({.flagsAndOffset = 0x4000, .payload = tcp({})}), 101, back).reason == SkipReason::kNone);
}

TEST_CASE("the first fragment of a tunnel's packet shows what is inside, longer than the fragment") {
  const ByteVector inner = ethernet(ipv4({.payload = tcp({.payload = filled(100, 1)})}), 0x0800);
  ByteVector first =
      over4(17, udp({.destinationPort = 4789, .payload = with({8, 0, 0, 0, 0, 0, 0, 9}, inner)}));
  first = firstOf(first, first.size() - 64);
  first[2] = static_cast<std::uint8_t>(first.size() >> 8);
  first[3] = static_cast<std::uint8_t>(first.size());
  CHECK(parsed(first).packet.tunnelDepth == 0);
  first[6] = 0x20;
  const Parsed got = parsed(first);
  CHECK(got.reason == SkipReason::kNone);
  CHECK(got.packet.tunnelDepth == 1);
  CHECK(got.packet.ipBytes == 140);
  CHECK(got.packet.ipEnd == first.size());
}

TEST_CASE("a datagram that was put together is parsed like a packet, further tunnels included") {
  const auto datagram = [](const ByteVector& bytes, Packet& packet, const ParseOptions& options) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    return parseDatagram({1, bytes.data(), length, length, 1, 0}, options, packet);
  };
  ParseOptions back;
  back.defragment = true;
  Packet packet{};
  packet.layers = layerBit(Layer::kVlan) | layerBit(Layer::kGre);
  packet.tunnelDepth = 1;
  const ByteVector plain = over4(kTcp, tcp({.payload = {1, 2, 3}}));
  REQUIRE(datagram(plain, packet, back) == SkipReason::kNone);
  CHECK(packet.linktype == nullptr);
  CHECK(packet.ipOffset == 0);
  CHECK(packet.outerOffset == 0);
  CHECK(packet.tunnelDepth == 1);
  CHECK(packet.layers ==
        (layerBit(Layer::kVlan) | layerBit(Layer::kGre) | layerBit(Layer::kIpv4) | layerBit(Layer::kTcp)));
  CHECK(packet.payloadBytes == 3);

  packet.layers = 0;
  packet.tunnelDepth = 0;
  REQUIRE(datagram(over4(4, plain), packet, back) == SkipReason::kNone);
  CHECK(packet.tunnelDepth == 1);
  CHECK(packet.ipOffset == 20);
  CHECK(datagram(over4(4, ipv4({.flagsAndOffset = 0x2000, .payload = tcp({})})), packet, back) ==
        SkipReason::kFragment);

  // The first fragment of one that was given up keeps its flag, and is a packet all the same.
  packet.tunnelDepth = 0;
  CHECK(datagram(ipv4({.flagsAndOffset = 0x2000, .payload = tcp({})}), packet, back) == SkipReason::kNone);
  CHECK(datagram(over6(44, with({6, 0, 0, 1, 1, 2, 3, 4}, tcp({}))), packet, back) == SkipReason::kNone);
  packet.tunnelDepth = kMaxTunnelDepth;
  CHECK(datagram(over4(4, plain), packet, back) == SkipReason::kTunnelDepth);
}

TEST_SUITE_END();
