// The promise of the masks: two packets that differ in nothing but identity give the same image, for every
// kind of link layer, tunnel and protocol, and two that differ in what was said do not.
#include <doctest/doctest.h>

#include <functional>

#include "support/extracted.hpp"
#include "support/parsed.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

// Bytes and numbers that stand for who and where: another `seed`, other values.
class Identity {
 public:
  explicit Identity(std::uint8_t seed) : seed_(seed) {}
  ByteVector bytes(std::size_t count) const {
    return filled(count, static_cast<std::uint8_t>(1 + seed_ * 77));
  }
  std::uint16_t u16() const { return static_cast<std::uint16_t>(1000 + seed_ * 321); }
  std::uint32_t u32() const { return 0x0A010203u + seed_ * 0x01030507u; }
  std::uint8_t u8() const { return static_cast<std::uint8_t>(3 + seed_ * 5); }
  std::uint8_t bits(std::uint8_t kept, std::uint8_t mask) const {
    return static_cast<std::uint8_t>((kept & ~mask) | (u8() * 37 & mask));
  }

 private:
  std::uint8_t seed_;
};

ByteVector number16(std::uint16_t v) {
  ByteVector out;
  append16(out, v);
  return out;
}
ByteVector joined(std::initializer_list<ByteVector> parts) {
  ByteVector out;
  for (const ByteVector& part : parts) append(out, part);
  return out;
}

ByteVector inIp4(const Identity& who, std::uint8_t protocol, const ByteVector& payload) {
  return ipv4({.source = who.u32(),
               .destination = who.u32() + 9,
               .protocol = protocol,
               .id = who.u16(),
               .checksum = who.u16(),
               .payload = payload});
}
ByteVector inIp6(const Identity& who, std::uint8_t next, const ByteVector& payload) {
  return ipv6({.source = who.u8(),
               .destination = static_cast<std::uint8_t>(who.u8() + 1),
               .nextHeader = next,
               .flowLabel = who.u32() & 0xFFFFF,
               .payload = payload});
}
ByteVector tcpOf(const Identity& who, const ByteVector& payload) {
  return tcp({.sourcePort = who.u16(),
              .destinationPort = static_cast<std::uint16_t>(who.u16() + 1),
              .sequence = who.u32(),
              .acknowledgement = who.u32() + 7,
              .checksum = who.u16(),
              .options = joined({{1, 1, 8, 10}, who.bytes(8)}),
              .payload = payload});
}

using Segment = std::function<ByteVector(const Identity&, const ByteVector& said)>;
using Wrap = std::function<ByteVector(const Identity&, const ByteVector& inner)>;

struct ProtocolCase {
  const char* what;
  std::uint8_t protocol;
  Segment segment;
  bool speaks = true;  // what is said shows: of ICMP errors nothing but the type does
};

std::vector<ProtocolCase> protocols() {
  return {
      {"tcp", kTcp, [](const Identity& who, const ByteVector& said) { return tcpOf(who, said); }},
      {"udp", kUdp,
       [](const Identity& who, const ByteVector& said) {
         return udp(
             {.sourcePort = who.u16(), .destinationPort = who.u16(), .checksum = who.u16(), .payload = said});
       }},
      {"udp-lite", kUdpLite,
       [](const Identity& who, const ByteVector& said) {
         return joined({who.bytes(4), {0, 8}, who.bytes(2), said});
       }},
      {"dccp", kDccp,
       [](const Identity& who, const ByteVector& said) {
         return joined({who.bytes(4), {4, 0}, who.bytes(2), {5}, who.bytes(7), said});
       }},
      {"sctp data", kSctp,
       [](const Identity& who, const ByteVector& said) {
         const auto length = static_cast<std::uint16_t>(16 + said.size());
         return joined({who.bytes(12),
                        {0, 3},
                        number16(length),
                        who.bytes(4),
                        {0, 1},
                        who.bytes(2),
                        {0, 0, 0, 46},
                        said});
       }},
      {"sctp init", kSctp,
       [](const Identity& who, const ByteVector&) {
         return joined({who.bytes(12),
                        {1, 0, 0, 28},
                        who.bytes(4),
                        {0, 1, 0, 0, 0, 5, 0, 5},
                        who.bytes(4),
                        {0, 5, 0, 8},
                        who.bytes(4)});
       },
       false},
      {"echo", kIcmp,
       [](const Identity& who, const ByteVector& said) {
         return joined({{8, 0}, who.bytes(6), said});
       }},
      {"unreachable", kIcmp,
       [](const Identity& who, const ByteVector& said) {
         return joined({{3, 1}, who.bytes(2), {0, 0, 0, 0}, inIp4(who, kTcp, tcpOf(who, said))});
       },
       false},
      {"echo 6", kIcmpV6,
       [](const Identity& who, const ByteVector& said) {
         return joined({{128, 0}, who.bytes(6), said});
       }},
      {"neighbour", kIcmpV6,
       [](const Identity& who, const ByteVector&) {
         return joined({{135, 0}, who.bytes(2), {0, 0, 0, 0}, who.bytes(16), {1, 1}, who.bytes(6)});
       },
       false},
      {"esp", kEsp,
       [](const Identity& who, const ByteVector& said) {
         return joined({who.bytes(8), said});
       }},
      {"ah", kAh,
       [](const Identity& who, const ByteVector& said) {
         return joined({{17, 4, 0, 0},
                        who.bytes(20),
                        udp({.sourcePort = who.u16(), .checksum = who.u16(), .payload = said})});
       }},
      {"igmp", kIgmp,
       [](const Identity& who, const ByteVector&) {
         return joined({{0x16, 0}, who.bytes(6)});
       },
       false},
      {"gre", kGreProtocol,
       [](const Identity& who, const ByteVector& said) {
         return joined({{0x20, 0, 8, 0}, who.bytes(4), inIp4(who, kTcp, tcpOf(who, said))});
       }},
      {"ipip", 4,
       [](const Identity& who, const ByteVector& said) { return inIp4(who, kTcp, tcpOf(who, said)); }},
  };
}

struct LinkCase {
  std::uint16_t linktype;
  const char* what;
  Wrap wrap;
};

std::vector<LinkCase> links() {
  const auto before = [](auto header) {
    return [header](const Identity& who, const ByteVector& inner) { return joined({header(who), inner}); };
  };
  const ByteVector snap = {0xAA, 0xAA, 3, 0, 0, 0, 8, 0};
  const auto dot11 = [snap](const Identity& who) { return joined({{0x08, 1, 0, 0}, who.bytes(20), snap}); };
  return {
      {0, "null", before([](const Identity&) {
         return ByteVector{2, 0, 0, 0};
       })},
      {1, "ethernet", before([](const Identity& who) {
         return joined({who.bytes(12), {8, 0}});
       })},
      {1, "trailer",
       [](const Identity& who, const ByteVector& inner) {
         return joined({who.bytes(12), {8, 0}, inner, who.bytes(4)});  // a check sequence over the addresses
       }},
      {1, "VLAN", before([](const Identity& who) {
         return joined({who.bytes(12), {0x81, 0, who.bits(0x60, 0x0F), who.u8(), 8, 0}});
       })},
      {1, "labels", before([](const Identity& who) {
         return joined({who.bytes(12), {0x88, 0x47}, who.bytes(2), {who.bits(0x0B, 0xF0), 64}});
       })},
      {1, "pseudowire", before([](const Identity& who) {
         return joined({who.bytes(12),
                        {0x88, 0x47},
                        who.bytes(2),
                        {who.bits(0x0B, 0xF0), 64, 0, 0, 0, 0},
                        who.bytes(12),
                        {8, 0}});
       })},
      {1, "PPPoE", before([](const Identity& who) {
         return joined({who.bytes(12), {0x88, 0x64, 0x11, 0}, who.bytes(2), {0, 60, 0, 0x21}});
       })},
      {1, "provider backbone", before([](const Identity& who) {
         return joined({who.bytes(12), {0x88, 0xE7, 0}, who.bytes(3), who.bytes(12), {8, 0}});
       })},
      {6, "token ring", before([snap](const Identity& who) {
         ByteVector addresses = who.bytes(12);
         addresses[6] &= 0x7F;
         return joined({{0x10, 0x40}, addresses, snap});
       })},
      {10, "fddi", before([snap](const Identity& who) {
         return joined({{0x50}, who.bytes(12), snap});
       })},
      {105, "802.11", before([dot11](const Identity& who) {
         ByteVector header = dot11(who);
         header[22] &= 0xF0;
         return header;
       })},
      {127, "radiotap", before([dot11](const Identity& who) {
         ByteVector header = dot11(who);
         header[22] &= 0xF0;
         return joined({{0, 0, 12, 0, 0x20, 0, 0, 0}, who.bytes(4), header});
       })},
      {107, "frame relay", before([](const Identity& who) {
         return ByteVector{who.bits(0, 0xFE), who.bits(1, 0xFE), 3, 0xCC};
       })},
      {113, "cooked", before([](const Identity& who) {
         return joined({{0, 4, 0, 1, 0, 6}, who.bytes(8), {8, 0}});
       })},
      {129, "arcnet", before([](const Identity& who) {
         return joined({who.bytes(2), {0, 0, 0xD4, 0}, who.bytes(2)});
       })},
      {138, "firewire", before([](const Identity& who) {
         return joined({who.bytes(16), {8, 0}});
       })},
      {239, "nflog", before([](const Identity& who) {
         return joined({{2, 0, 0, 0, 12, 0, 8, 0}, who.bytes(8), {200, 0, 9, 0}});
       })},
      {242, "infiniband", before([](const Identity& who) {
         return joined({who.bytes(40), {8, 0, 0, 0}});
       })},
      {276, "cooked 2", before([](const Identity& who) {
         return joined({{8, 0, 0, 0}, who.bytes(4), {0, 1, 4, 6}, who.bytes(8)});
       })},
      {281, "switch tag", before([](const Identity& who) {
         return joined({who.bytes(16), {8, 0}});
       })},
  };
}

struct TunnelCase {
  const char* what;
  Wrap wrap;
};

std::vector<TunnelCase> tunnels() {
  const auto overUdp = [](std::uint16_t port, auto header) {
    return [port, header](const Identity& who, const ByteVector& inner) {
      return inIp4(who, kUdp,
                   udp({.sourcePort = who.u16(),
                        .destinationPort = port,
                        .checksum = who.u16(),
                        .payload = joined({header(who), inner})}));
    };
  };
  return {
      {"ipip", [](const Identity& who, const ByteVector& inner) { return inIp4(who, 4, inner); }},
      {"ip in ipv6", [](const Identity& who, const ByteVector& inner) { return inIp6(who, 4, inner); }},
      {"gre",
       [](const Identity& who, const ByteVector& inner) {
         return inIp4(who, kGreProtocol, joined({{0x30, 0, 8, 0}, who.bytes(8), inner}));
       }},
      {"vxlan", overUdp(4789,
                        [](const Identity& who) {
                          return joined({{8, 0, 0, 0}, who.bytes(3), {0}, who.bytes(12), {8, 0}});
                        })},
      {"gtpu", overUdp(2152,
                       [](const Identity& who) {
                         return joined({{0x30, 0xFF, 0, 99}, who.bytes(4)});
                       })},
      {"l2tp", overUdp(1701,
                       [](const Identity& who) {
                         return joined({{0, 2}, who.bytes(4), {0xFF, 3, 0, 0x21}});
                       })},
  };
}

ByteVector imageOf(const ByteVector& frame, std::uint16_t linktype, View view, Mask mask, TunnelSet decap) {
  PcapBuilder pcap({.linktype = linktype});
  pcap.record(1, frame);
  ExtractOptions options = plainOptions();
  options.view = view;
  options.mask = mask;
  options.decap = decap;
  for (unsigned protocol = 0; protocol < 256; ++protocol)
    if (protocol != kAh || linktype == 229) options.protocols.add(static_cast<std::uint8_t>(protocol));
  const Extracted got = extractBytes(pcap.bytes(), options);
  REQUIRE(got.rows.size() == 1);
  return got.rows[0].image;
}

void check(const std::function<ByteVector(const Identity&, const ByteVector&)>& frameOf,
           std::uint16_t linktype, TunnelSet decap, bool speaks) {
  const ByteVector said = filled(40, 0x61), other = filled(40, 0x71);
  for (const View view : {View::kPcap, View::kL3}) {
    for (const Mask mask : {Mask::kIdentity, Mask::kStack}) {
      const ByteVector mine = imageOf(frameOf(Identity(1), said), linktype, view, mask, decap);
      for (const std::uint8_t seed : {2, 3, 30})
        CHECK(mine == imageOf(frameOf(Identity(seed), said), linktype, view, mask, decap));
      if (speaks) CHECK(mine != imageOf(frameOf(Identity(1), other), linktype, view, mask, decap));
    }
    CHECK(imageOf(frameOf(Identity(1), said), linktype, view, Mask::kNone, decap) !=
          imageOf(frameOf(Identity(2), said), linktype, view, Mask::kNone, decap));
  }
}

}  // namespace

TEST_SUITE_BEGIN("mask properties");

TEST_CASE("protocols: nothing of who and where is left in a masked image") {
  for (const ProtocolCase& c : protocols()) {
    CAPTURE(c.what);
    check([&](const Identity& who,
              const ByteVector& said) { return inIp4(who, c.protocol, c.segment(who, said)); },
          228, 0, c.speaks);
    check([&](const Identity& who,
              const ByteVector& said) { return inIp6(who, c.protocol, c.segment(who, said)); },
          229, 0, c.speaks);
  }
}

TEST_CASE("link layers: addresses, tags, labels and circuits are hidden wherever they stand") {
  for (const LinkCase& c : links()) {
    CAPTURE(c.linktype);
    CAPTURE(c.what);
    check([&](const Identity& who,
              const ByteVector& said) { return c.wrap(who, inIp4(who, kTcp, tcpOf(who, said))); },
          c.linktype, kAllTunnels, true);
  }
}

TEST_CASE("tunnels: outer headers are identity, in every link layer") {
  for (const LinkCase& link : links()) {
    for (const TunnelCase& tunnel : tunnels()) {
      if (std::string(tunnel.what) == "ip in ipv6") continue;  // the link layers here announce IPv4
      CAPTURE(link.what);
      CAPTURE(tunnel.what);
      check(
          [&](const Identity& who, const ByteVector& said) {
            return link.wrap(who, tunnel.wrap(who, inIp4(who, kTcp, tcpOf(who, said))));
          },
          link.linktype, kAllTunnels, true);
    }
  }
  for (const TunnelCase& tunnel : tunnels()) {
    CAPTURE(tunnel.what);
    check([&](const Identity& who,
              const ByteVector& said) { return tunnel.wrap(who, inIp4(who, kTcp, tcpOf(who, said))); },
          101, kAllTunnels, true);
  }
}

TEST_SUITE_END();
