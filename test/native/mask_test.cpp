#include <doctest/doctest.h>

#include "support/extracted.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

struct Range {
  std::size_t offset, length;
};

ByteVector image(const ByteVector& frame, std::uint16_t linktype, View view, Mask mask) {
  PcapBuilder pcap({.linktype = linktype});
  pcap.record(1'500'000'123'456'000, frame, 0);
  ExtractOptions options = plainOptions();
  options.view = view;
  options.mask = mask;
  const Extracted got = extractBytes(pcap.bytes(), options);
  REQUIRE(got.rows.size() == 1);
  return got.rows[0].image;
}

ByteVector zeroed(ByteVector bytes, const std::vector<Range>& ranges) {
  for (const Range& range : ranges)
    for (std::size_t i = 0; i < range.length; ++i) bytes.at(range.offset + i) = 0;
  return padded(bytes);
}

std::vector<Range> shifted(std::vector<Range> ranges, std::size_t by) {
  for (Range& range : ranges) range.offset += by;
  return ranges;
}

std::vector<Range> joined(std::vector<Range> a, const std::vector<Range>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const std::vector<Range> kIpv4Identity = {{4, 2}, {10, 2}, {12, 8}};
const std::vector<Range> kTcpIdentity = {{0, 2}, {2, 2}, {4, 4}, {8, 4}, {16, 2}};
const std::vector<Range> kUdpIdentity = {{0, 4}, {6, 2}};

}  // namespace

TEST_SUITE_BEGIN("masks");

TEST_CASE("identity, IPv4 and TCP") {
  const ByteVector packet = ipv4({.payload = tcp({.payload = filled(50, 1)})});
  CHECK(image(packet, 101, View::kL3, Mask::kNone) == padded(packet));
  CHECK(image(packet, 101, View::kL3, Mask::kIdentity) ==
        zeroed(packet, joined(kIpv4Identity, shifted(kTcpIdentity, 20))));
}

TEST_CASE("identity, IPv4 and UDP") {
  const ByteVector packet = ipv4({.protocol = 17, .payload = udp({.payload = filled(50, 1)})});
  CHECK(image(packet, 101, View::kL3, Mask::kIdentity) ==
        zeroed(packet, joined(kIpv4Identity, shifted(kUdpIdentity, 20))));
}

TEST_CASE("identity, IPv6 and UDP: addresses and the 20 bits of the flow label") {
  const ByteVector packet = ipv6({.nextHeader = 17, .payload = udp({.payload = filled(50, 1)})});
  ByteVector expected = zeroed(packet, joined({{2, 2}, {8, 32}}, shifted(kUdpIdentity, 40)));
  REQUIRE((packet[1] & 0x0F) == 0x0A);
  expected[1] = packet[1] & 0xF0;  // the traffic class stays
  CHECK(image(packet, 101, View::kL3, Mask::kIdentity) == expected);
}

TEST_CASE(
    "stack also hides TTL, flags, window and options; the fragment's data offset and the payload stay") {
  const ByteVector options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 5, 6};
  const ByteVector packet =
      ipv4({.flagsAndOffset = 0xE000, .payload = tcp({.options = options, .payload = filled(50, 1)})});
  CHECK(image(packet, 101, View::kL3, Mask::kStack) ==
        zeroed(packet, joined(joined(kIpv4Identity, {{6, 1}, {8, 1}}),
                              shifted(joined(kTcpIdentity, {{14, 2}, {20, 16}}), 20))));
  const ByteVector six = ipv6({.payload = tcp({.payload = {1}})});
  ByteVector expected =
      zeroed(six, joined({{2, 2}, {7, 1}, {8, 32}}, shifted(joined(kTcpIdentity, {{14, 2}}), 40)));
  expected[1] = six[1] & 0xF0;
  CHECK(image(six, 101, View::kL3, Mask::kStack) == expected);
}

TEST_CASE("identity hides the values of TCP timestamps and selective acknowledgements wherever they stand") {
  struct Case {
    ByteVector options;
    std::vector<Range> hidden;
  };
  const Case cases[] = {
      {{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, {{4, 8}}},
      {{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1}, {{2, 8}}},
      {{2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7}, {{8, 8}}},
      {{1, 1, 5, 10, 1, 2, 3, 4, 5, 6, 7, 8}, {{4, 8}}},
      {{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 5, 10, 1, 2, 3, 4, 5, 6, 7, 8}, {{4, 8}, {16, 8}}},
      {{0, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, {}},  // nothing counts behind the end of the list
      {{1, 1, 1, 8}, {}},                           // kind without a length
      {{8, 200, 1, 2}, {{2, 2}}},                   // a length beyond the header
      {{8, 0, 1, 2}, {}},                           // a length that would not advance
  };
  for (const Case& c : cases) {
    CAPTURE(c.options.size());
    const ByteVector packet = ipv4({.payload = tcp({.options = c.options, .payload = filled(20, 1)})});
    CHECK(image(packet, 101, View::kL3, Mask::kIdentity) ==
          zeroed(packet, joined(joined(kIpv4Identity, shifted(kTcpIdentity, 20)), shifted(c.hidden, 40))));
  }
}

TEST_CASE("identity hides addresses in IPv4 options and IPv6 extension headers, and ids of IPv6 fragments") {
  const ByteVector route = {7, 7, 8, 1, 2, 3, 4, 0};
  const ByteVector four = ipv4({.protocol = 17, .options = route, .payload = udp({})});
  CHECK(image(four, 101, View::kL3, Mask::kIdentity) ==
        zeroed(four, joined(joined(kIpv4Identity, {{22, 5}}), shifted(kUdpIdentity, 28))));

  ByteVector chain = {60, 2, 0, 1, 9, 9, 9, 9};  // routing: 24 bytes
  append(chain, filled(16, 1));
  append(chain, {44, 2, 0xC9, 16});  // destination options: home address
  append(chain, filled(16, 1));
  append(chain, {1, 2, 7, 7});
  append(chain, {17, 0, 0, 1, 1, 2, 3, 4});  // fragment: offset 0, more fragments
  append(chain, udp({.payload = {5}}));
  const ByteVector six = ipv6({.nextHeader = 43, .payload = chain});
  ByteVector expected = zeroed(
      six, joined({{2, 2}, {8, 32}, {40 + 4, 20}, {64 + 4, 16}, {88 + 4, 4}}, shifted(kUdpIdentity, 96)));
  expected[1] = six[1] & 0xF0;
  CHECK(image(six, 101, View::kL3, Mask::kIdentity) == expected);
  expected[7] = 0;
  expected[88 + 3] = 0;
  CHECK(image(six, 101, View::kL3, Mask::kStack) == expected);
}

TEST_CASE(
    "view pcap: identity hides the file header, record headers and hardware addresses; of a tag the priority "
    "stays") {
  const ByteVector ip = ipv4({.payload = tcp({.payload = filled(30, 1)})});
  const auto hidden = [&](std::size_t ipOffset, const std::vector<Range>& link) {
    return joined(joined(joined({{0, 40}}, shifted(link, 40)), shifted(kIpv4Identity, 40 + ipOffset)),
                  shifted(kTcpIdentity, 60 + ipOffset));
  };
  const auto framed = [](const ByteVector& frame) {
    ByteVector bytes(40, 0xFF);
    append(bytes, frame);
    return bytes;
  };
  const ByteVector tagged = ethernet(ip, 0x0800, {0x8100});
  ByteVector expected = zeroed(framed(tagged), hidden(18, {{0, 12}, {15, 1}}));
  expected[40 + 14] &= 0xF0;  // u4 priority, u12 VLAN
  CHECK(image(tagged, 1, View::kPcap, Mask::kIdentity) == expected);
  ByteVector cooked1 = filled(14, 0x31);
  append(cooked1, {8, 0});
  append(cooked1, ip);
  CHECK(image(cooked1, 113, View::kPcap, Mask::kIdentity) == zeroed(framed(cooked1), hidden(16, {{6, 8}})));
  ByteVector cooked2 = {8, 0};
  append(cooked2, filled(18, 0x31));
  append(cooked2, ip);
  CHECK(image(cooked2, 276, View::kPcap, Mask::kIdentity) ==
        zeroed(framed(cooked2), hidden(20, {{4, 4}, {12, 8}})));
}

TEST_CASE("masks do not touch view l7") {
  const ByteVector packet = ipv4({.payload = tcp({.payload = filled(50, 1)})});
  for (const Mask mask : {Mask::kNone, Mask::kIdentity, Mask::kStack})
    CHECK(image(packet, 101, View::kL7, mask) == padded(filled(50, 1)));
}

TEST_CASE("headers cut by the snaplen and by the image's end are masked as far as they go") {
  const ByteVector packet = ipv4({.payload = tcp({.payload = filled(50, 1)})});
  const ByteVector whole = image(packet, 101, View::kL3, Mask::kStack);
  for (std::size_t length = 24; length <= packet.size(); ++length) {
    CAPTURE(length);
    ByteVector expected(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK(image(ByteVector(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(length)), 101,
                View::kL3, Mask::kStack) == padded(expected));
  }
  for (std::size_t first = 700; first <= 784; ++first) {
    CAPTURE(first);
    PcapBuilder pcap({.linktype = 101});
    pcap.record(1, ipv4({.payload = tcp({.payload = filled(first - 40, 1)})})).record(2, packet);
    ExtractOptions options = plainOptions();
    options.mask = Mask::kStack;
    const ByteVector got = extractBytes(pcap.bytes(), options).rows.at(0).image;
    for (std::size_t i = first; i < kImageBytes; ++i) REQUIRE(got[i] == whole[i - first]);
  }
}

TEST_CASE("a kept pattern never serves another header shape") {
  // Shapes alternate within one run, each checked against a run of its own.
  std::vector<ByteVector> packets;
  std::uint16_t port = 1;
  for (int round = 0; round < 3; ++round) {
    for (const bool six : {false, true}) {
      for (const ByteVector& options : {ByteVector{}, ByteVector{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}}) {
        const ByteVector segment = tcp({.sourcePort = port++, .options = options, .payload = filled(60, 1)});
        packets.push_back(six ? ipv6({.payload = segment}) : ipv4({.payload = segment}));
      }
      const ByteVector datagram = udp({.sourcePort = port++, .payload = filled(60, 1)});
      packets.push_back(six ? ipv6({.nextHeader = 17, .payload = datagram})
                            : ipv4({.protocol = 17, .payload = datagram}));
    }
  }
  for (const Mask mask : {Mask::kIdentity, Mask::kStack}) {
    PcapBuilder pcap({.linktype = 101});
    for (const ByteVector& packet : packets) pcap.record(1, packet);
    ExtractOptions options = plainOptions();
    options.mask = mask;
    const Extracted got = extractBytes(pcap.bytes(), options);
    REQUIRE(got.rows.size() == packets.size());
    for (std::size_t i = 0; i < packets.size(); ++i)
      CHECK(got.rows[i].image == image(packets[i], 101, View::kL3, mask));
  }
}

TEST_SUITE_END();
