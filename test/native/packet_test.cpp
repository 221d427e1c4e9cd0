#include "parse/packet.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/extracted.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

Extracted one(const ByteVector& frame, std::uint16_t linktype = 1, std::uint32_t origLength = 0,
              const ExtractOptions& options = plainOptions()) {
  PcapBuilder pcap({.linktype = linktype});
  pcap.record(1, frame, origLength);
  return extractBytes(pcap.bytes(), options);
}

ByteVector with(ByteVector prefix, const ByteVector& rest) {
  append(prefix, rest);
  return prefix;
}

const ByteVector kIp4 = ipv4({.payload = tcp({.payload = {0xAA, 0xBB}})});
const ByteVector kIp6 = ipv6({.payload = tcp({.payload = {0xAA, 0xBB}})});

// next header, length in 8 bytes beyond the first 8, content
ByteVector extension(std::uint8_t next, std::size_t bytes) {
  ByteVector out = filled(bytes, 1);
  out[0] = next;
  out[1] = static_cast<std::uint8_t>(bytes / 8 - 1);
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("packets");

TEST_CASE("records that are no session's are counted by one reason each") {
  ByteVector badVersion = kIp4, shortHeader = kIp4, icmp = kIp4;
  badVersion[0] = 0x55;
  shortHeader[0] = 0x44;
  icmp[9] = 1;
  struct Case {
    const char* reason;
    ByteVector frame;
    std::uint16_t linktype;
  };
  const std::vector<Case> cases = {
      {"unknownLinktype", kIp4, 147},
      {"notIp", ethernet(filled(28, 1), 0x0806), 1},
      {"notIp", with({7, 0, 0, 0}, kIp4), 0},
      {"truncatedHeader", {}, 1},
      {"truncatedHeader", filled(13, 1), 1},
      {"truncatedHeader", ethernet({}, 0x0800), 1},
      {"truncatedHeader", ethernet({0x81}, 0x8100), 1},
      {"truncatedHeader", ByteVector(kIp4.begin(), kIp4.begin() + 19), 101},
      {"truncatedHeader", ByteVector(kIp4.begin(), kIp4.begin() + 23), 101},
      {"truncatedHeader", ByteVector(kIp6.begin(), kIp6.begin() + 39), 101},
      {"truncatedHeader", ByteVector(kIp6.begin(), kIp6.begin() + 43), 101},
      {"badIpHeader", badVersion, 101},
      {"badIpHeader", shortHeader, 101},
      {"badIpHeader", ipv4({.payload = tcp({}), .totalLength = 19}), 101},
      {"badIpHeader", kIp6, 228},
      {"badIpHeader", kIp4, 229},
      {"fragmentTail", ipv4({.flagsAndOffset = 0x0001, .payload = tcp({})}), 101},
      {"fragmentTail", ipv6({.nextHeader = 44, .payload = with({6, 0, 0, 8, 1, 2, 3, 4}, tcp({}))}), 101},
      {"otherTransport", icmp, 101},
      {"otherTransport", ipv6({.nextHeader = 58, .payload = filled(8, 1)}), 101},
      {"otherTransport", ipv6({.nextHeader = 59}), 101},
  };
  for (const Case& c : cases) {
    CAPTURE(c.reason);
    CAPTURE(c.frame.size());
    const Extracted got = one(c.frame, c.linktype);
    CHECK(got.rows.empty());
    REQUIRE(got.summary.skipped.size() == 1);
    CHECK(got.summary.skipped[0].reason == c.reason);
    CHECK(got.summary.skipped[0].records == 1);
  }
}

TEST_CASE("the Ethernet trailer is not part of the IP packet, in bytes, payload or image") {
  ByteVector frame = ethernet(ipv4({.protocol = 17, .payload = udp({.payload = {5}})}), 0x0800);
  const ByteVector ip(frame.begin() + 14, frame.end());
  frame.resize(60, 0xEE);
  ExtractOptions options = plainOptions();
  const Extracted l3 = one(frame, 1, 0, options);
  REQUIRE(l3.rows.size() == 1);
  CHECK(l3.rows[0].initiatorBytes == 29);
  CHECK(l3.rows[0].image == padded(ip));
  options.view = View::kL7;
  CHECK(one(frame, 1, 0, options).rows[0].image == padded({5}));
}

TEST_CASE("IPv4 options, IPv6 extension headers and first fragments lead to the ports") {
  const ByteVector segment = tcp({.payload = {9}});
  CHECK(one(ipv4({.options = filled(40, 1), .payload = segment}), 101).rows.size() == 1);
  CHECK(one(ipv4({.flagsAndOffset = 0x2000, .payload = segment}), 101).rows.size() == 1);
  ByteVector chain = extension(43, 16);
  append(chain, extension(60, 8));
  append(chain, extension(44, 24));
  append(chain, {51, 0, 0, 1, 1, 2, 3, 4});  // fragment header: offset 0, more fragments
  append(chain, {6, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3});  // authentication: (2 + 2) * 4 bytes
  append(chain, segment);
  ExtractOptions options = plainOptions();
  options.view = View::kL7;
  const Extracted got = one(ipv6({.nextHeader = 0, .payload = chain}), 101, 0, options);
  REQUIRE(got.rows.size() == 1);
  CHECK(got.rows[0].image == padded({9}));
  CHECK(got.rows[0].initiatorBytes == 40 + chain.size());
}

TEST_CASE("a length of 0 in the IP header means as long as the record: segmentation offload, jumbograms") {
  CHECK(one(ipv4({.payload = tcp({}), .totalLength = 0}), 101, 9000).rows.at(0).initiatorBytes == 9000);
  CHECK(one(ipv6({.payload = tcp({}), .payloadLength = 0}), 101, 9000).rows.at(0).initiatorBytes == 9000);
}

TEST_CASE("bytes count original lengths, images captured ones") {
  const ByteVector whole = ipv4({.payload = tcp({.payload = filled(100, 1)})});
  const ByteVector cut(whole.begin(), whole.begin() + 50);
  const Extracted got = one(cut, 101, static_cast<std::uint32_t>(whole.size()));
  REQUIRE(got.rows.size() == 1);
  CHECK(got.rows[0].initiatorBytes == 140);
  CHECK(got.rows[0].image == padded(cut));
}

TEST_CASE("ports alone make a session: cut and contradictory transport headers") {
  ByteVector badOffset = kIp4;
  badOffset[20 + 12] = 0x10;
  CHECK(one(badOffset, 101).rows.size() == 1);
  CHECK(one(ByteVector(kIp4.begin(), kIp4.begin() + 24), 101).rows.size() == 1);
  ByteVector badLength = ipv4({.protocol = 17, .payload = udp({.payload = {1, 2}})});
  badLength[25] = 3;
  ExtractOptions options = plainOptions();
  options.view = View::kL7;
  CHECK(one(badLength, 101, 0, options).rows.at(0).image == padded({1, 2}));
  badLength[25] = 9;  // payload of 1: what the IP packet holds beyond it is not payload
  CHECK(one(badLength, 101, 0, options).rows.at(0).image == padded({1}));
}

TEST_CASE("both directions are one session, and the first sender is the initiator") {
  PcapBuilder pcap;
  pcap.record(1, tcp4Frame({.sourcePort = 443, .destinationPort = 999}, 0x0A000009, 0x0A000001));
  pcap.record(2,
              tcp4Frame({.sourcePort = 999, .destinationPort = 443, .payload = {1}}, 0x0A000001, 0x0A000009));
  pcap.record(3, tcp4Frame({.sourcePort = 443, .destinationPort = 999}, 0x0A000001, 0x0A000009));
  const Extracted got = extractBytes(pcap.bytes());
  REQUIRE(got.rows.size() == 2);
  CHECK(got.rows[0].initiatorAddress == std::array<std::uint8_t, 16>{10, 0, 0, 9});
  CHECK(got.rows[0].responderAddress == std::array<std::uint8_t, 16>{10, 0, 0, 1});
  CHECK(got.rows[0].initiatorPort == 443);
  CHECK(got.rows[0].responderPort == 999);
  CHECK(got.rows[0].initiatorPackets == 1);
  CHECK(got.rows[0].responderPackets == 1);
  CHECK(got.rows[0].initiatorBytes == 40);
  CHECK(got.rows[0].responderBytes == 41);
}

TEST_SUITE_END();
