// Every link type finds IP in a frame built by hand, whole and cut at every length, and hides what names a
// place.
#include "parse/linktype.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "support/parsed.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

const ByteVector kIp4 = ipv4({.payload = tcp({.payload = {0xAA, 0xBB}})});
const ByteVector kIp6 = ipv6({.payload = tcp({.payload = {0xAA, 0xBB}})});

ByteVector big16Bytes(std::uint16_t v) {
  ByteVector out;
  append16(out, v);
  return out;
}

Parsed see(const ByteVector& frame, std::uint16_t linktype) { return parsed(frame, linktype); }

struct LinkCase {
  std::uint16_t linktype;
  const char* what;
  ByteVector header;  // what stands before IP
  int version = 4;
};

// A PKTAP header of Apple's: length, record type 1, link type; names and the like up to 108 bytes.
ByteVector pktap(std::uint8_t dlt) {
  ByteVector out = filled(108, 1);
  const ByteVector start = {108, 0, 0, 0, 1, 0, 0, 0, dlt, 0, 0, 0};
  std::copy(start.begin(), start.end(), out.begin());
  return out;
}

const ByteVector kMac12 = {0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5};
const ByteVector kSnap4 = {0xAA, 0xAA, 3, 0, 0, 0, 8, 0}, kSnap6 = {0xAA, 0xAA, 3, 0, 0, 0, 0x86, 0xDD};

// 802.11 data: control, duration, three addresses, sequence
ByteVector dot11(std::uint8_t type, std::uint8_t flags, const ByteVector& more = {}) {
  ByteVector out = {type, flags, 0x2C, 0};
  append(out, filled(18, 0x31));
  append(out, {0x50, 0x12});
  append(out, more);
  return out;
}

// Radiotap: TSFT and flags present, so that the flags stand at 16; `flags` 0x20: padded 802.11 header.
ByteVector radiotap(std::uint8_t flags) {
  return with({0, 0, 18, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, {flags, 0});
}

std::vector<LinkCase> cases() {
  const ByteVector ether4 = with(kMac12, {8, 0}), ether6 = with(kMac12, {0x86, 0xDD});
  const ByteVector cooked1 = {0, 4, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0};
  const auto cooked2 = [](std::uint16_t protocol, std::uint16_t device) {
    ByteVector out = big16Bytes(protocol);
    append(out, {0, 0, 0, 0, 0, 3});
    append16(out, device);
    append(out, {4, 6, 1, 2, 3, 4, 5, 6, 0, 0});
    return out;
  };
  std::vector<LinkCase> all = {
      {0, "little-endian", {2, 0, 0, 0}},
      {0, "big-endian", {0, 0, 0, 2}},
      {0, "BSD", {24, 0, 0, 0}, 6},
      {0, "FreeBSD", {0, 0, 0, 28}, 6},
      {0, "Darwin", {30, 0, 0, 0}, 6},
      {0, "Linux", {0, 0, 0, 10}, 6},
      {1, "plain", ether4},
      {1, "plain", ether6, 6},
      {1, "802.3 length and SNAP", with(with(kMac12, {0, 60}), kSnap4)},
      {1, "802.3 length, IP's own LLC", with(kMac12, {0, 60, 6, 6, 3})},
      {1, "jumbo LLC", with(with(kMac12, {0x88, 0x70}), kSnap4)},
      {1, "VLAN and SNAP", with(with(kMac12, {0x81, 0, 0x20, 5, 0, 60}), kSnap6), 6},
      {1, "three VLANs", with(kMac12, {0x88, 0xA8, 0, 1, 0x91, 0, 0, 2, 0x81, 0, 0, 3, 8, 0})},
      {1, "PPPoE", with(kMac12, {0x88, 0x64, 0x11, 0, 0x12, 0x34, 0, 50, 0, 0x21})},
      {1, "PPPoE, one byte of protocol", with(kMac12, {0x88, 0x64, 0x11, 0, 0x12, 0x34, 0, 50, 0x57}), 6},
      {1, "one label", with(kMac12, {0x88, 0x47, 0x12, 0x34, 0x51, 64})},
      {1, "three labels", with(kMac12, {0x88, 0x47, 0, 1, 0, 64, 0, 2, 0, 63, 0, 3, 1, 62}), 6},
      {1, "pseudowire with a control word",
       with(with(kMac12, {0x88, 0x47, 0, 1, 1, 64, 0, 0, 0, 9}), ether4)},
      {1, "pseudowire without", with(with(kMac12, {0x88, 0x48, 0, 1, 1, 64}), ether6), 6},
      {1, "pseudowire whose address begins with 4",
       with(with(kMac12, {0x88, 0x48, 0, 1, 1, 64, 0x40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), {8, 0})},
      {1, "provider backbone", with(with(kMac12, {0x88, 0xE7, 0, 1, 2, 3}), ether4)},
      {1, "MACsec without encryption", with(kMac12, {0x88, 0xE5, 0x00, 0, 0, 0, 0, 7, 8, 0})},
      {1, "MACsec with a channel",
       with(kMac12, {0x88, 0xE5, 0x20, 0, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 8, 0})},
      {1, "VNTAG", with(kMac12, {0x89, 0x26, 1, 2, 3, 4, 8, 0})},
      {1, "HSR", with(kMac12, {0x89, 0x2F, 0, 60, 0, 1, 8, 0})},
      {1, "802.1BR", with(kMac12, {0x89, 0x3F, 1, 2, 3, 4, 5, 6, 8, 0})},
      {1, "Cisco metadata", with(kMac12, {0x89, 0x09, 1, 1, 0, 1, 0, 7, 8, 0})},
      {1, "NSH", with(kMac12, {0x89, 0x4F, 0x0F, 0xC2, 1, 1, 0, 0, 1, 255})},
      {1, "NSH, Ethernet",
       with(with(kMac12, {0x89, 0x4F, 0x0F, 0xC3, 1, 3, 0, 0, 1, 255, 9, 9, 9, 9}), ether6), 6},
      {6, "plain", with(with({0x10, 0x40}, filled(12, 1)), kSnap4)},
      {6, "source routing",
       with(with(with({0x10, 0x40}, filled(6, 1)), {0x80, 1, 2, 3, 4, 5, 4, 0, 1, 2}), kSnap6), 6},
      {7, "RFC 1201", {1, 2, 0xD4, 0, 0, 9}},
      {7, "RFC 1051", {1, 2, 0xF0}},
      {8, "received", with({0, 0x45}, filled(14, 1))},
      {9, "with address", {0xFF, 3, 0, 0x21}},
      {9, "without", {0, 0x57}, 6},
      {9, "one byte of protocol", {0x21}},
      {9, "Cisco HDLC", {0x0F, 0, 8, 0}},
      {9, "labels", {0xFF, 3, 2, 0x81, 0, 1, 1, 64}},
      {9, "multilink, whole", {0xFF, 3, 0, 0x3D, 0xC0, 0, 0, 1, 0x21}},
      {10, "LLC", with(with({0x50}, kMac12), kSnap4)},
      {12, "raw", {}},
      {14, "raw", {}, 6},
      {19, "SNAP", kSnap4},
      {50, "PPP", {0xFF, 3, 0, 0x21}},
      {50, "Cisco HDLC", {0x8F, 0, 0x86, 0xDD}, 6},
      {51, "PPPoE", {0x11, 0, 0x12, 0x34, 0, 50, 0, 0x21}},
      {100, "SNAP", kSnap6, 6},
      {100, "bridged Ethernet", with({0xAA, 0xAA, 3, 0, 0x80, 0xC2, 0, 7, 0, 0}, ether4)},
      {100, "routed by identifier", {0xFE, 0xFE, 3, 0xCC}},
      {101, "raw", {}},
      {101, "raw", {}, 6},
      {104, "unicast", {0x0F, 0, 8, 0}},
      {104, "labels", {0x8F, 0, 0x88, 0x47, 0, 1, 1, 64}, 6},
      {105, "data", with(dot11(0x08, 1), kSnap4)},
      {105, "between two systems", with(dot11(0x08, 3, filled(6, 9)), kSnap6), 6},
      {105, "QoS", with(dot11(0x88, 2, {0, 0}), kSnap4)},
      {105, "QoS and HT control", with(dot11(0x88, 0x82, {0, 0, 1, 2, 3, 4}), kSnap4)},
      {105, "aggregate", with(with(dot11(0x88, 2, {0x80, 0}), with(kMac12, {0, 60})), kSnap4)},
      {105, "mesh",
       with(dot11(0x88, 3, with(filled(6, 9), {0, 1, 1, 31, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6})), kSnap4)},
      {105, "decrypted, and the bit still there", with(dot11(0x08, 0x41), kSnap4)},
      {106, "SNAP", kSnap4},
      {107, "two bytes", {0x18, 0x41, 3, 0xCC}},
      {107, "three bytes", {0x18, 0x40, 0x41, 3, 0x8E}, 6},
      {107, "four bytes and padding", {0x18, 0x40, 0x40, 0x41, 3, 0, 0xCC}},
      {107, "SNAP", {0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0}},
      {107, "bridged Ethernet", with({0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xC2, 0, 7}, ether4)},
      {107, "Cisco", {0x18, 0x41, 8, 0}},
      {107, "PPP", {0x18, 0x41, 3, 0xCF, 0, 0x21}},
      {108, "loop", {0, 0, 0, 2}},
      {108, "loop", {0, 0, 0, 24}, 6},
      {109, "enc", {2, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0}},
      {113, "cooked", with(cooked1, {8, 0})},
      {113, "cooked", with(cooked1, {0x86, 0xDD}), 6},
      {113, "VLAN", with(cooked1, {0x81, 0, 0, 7, 8, 0})},
      {113, "LLC", with(with(cooked1, {0, 4}), kSnap4)},
      {113, "monitor interface",
       with(with(with({0, 4, 3, 0x23, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0}, radiotap(0)), dot11(8, 1)),
            kSnap4)},
      {117, "pflog", with({61, 2, 0, 0}, filled(60, 1))},
      {119, "Prism", with(with(with({0, 0, 0, 0x44, 144, 0, 0, 0}, filled(136, 1)), dot11(8, 1)), kSnap4)},
      {119, "AVS", with(with(with({0x80, 0x21, 0x10, 1, 0, 0, 0, 64}, filled(56, 1)), dot11(8, 1)), kSnap4)},
      {122, "SNAP", with(filled(16, 1), kSnap4)},
      {123, "LLC", with({2, 0, 0, 99}, kSnap4)},
      {123, "LAN emulation", with({0x81, 0, 0, 99, 0, 1}, ether4)},
      {127, "radiotap", with(with(radiotap(0), dot11(0x08, 1)), kSnap4)},
      {127, "padded", with(with(radiotap(0x20), dot11(0x88, 1, {0, 0, 0, 0})), kSnap6), 6},
      {127, "two words of fields",
       with(with({0, 0, 14, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0x20, 0}, dot11(0x88, 1, {0, 0, 0, 0})), kSnap4)},
      {129, "RFC 1201", {1, 2, 0, 0, 0xD4, 0, 0, 9}},
      {129, "RFC 1201, exception", {1, 2, 0, 0, 0xC4, 0xFF, 0xFF, 0xFF, 0xC4, 0, 0, 9}, 6},
      {129, "RFC 1051", {1, 2, 0, 0, 0xF0}},
      {138, "FireWire", with(filled(16, 1), {8, 0})},
      {143, "DOCSIS", with({0, 0, 0, 60, 1, 2}, ether4)},
      {143, "extended header", with({1, 3, 0, 60, 7, 7, 7, 1, 2}, ether4)},
      {149, "PKTAP", with(pktap(1), ether4)},
      {163, "AVS", with(with(with({0x80, 0x21, 0x10, 2, 0, 0, 0, 64}, filled(56, 1)), dot11(8, 1)), kSnap4)},
      {166, "direction", {1, 3, 0, 0x21}},
      {178, "Ethernet", with({0x4D, 0x47, 0x43, 1}, ether4)},
      {178, "extensions", with({0x4D, 0x47, 0x43, 0x81, 0, 3, 1, 2, 3}, ether4)},
      {178, "no link layer", {0x4D, 0x47, 0x43, 3, 2, 0, 0, 0}},
      {179, "PPP", {0x4D, 0x47, 0x43, 1, 0, 0x21}},
      {180, "Frame Relay", {0x4D, 0x47, 0x43, 1, 0x18, 0x41, 3, 0xCC}},
      {181, "Cisco HDLC", {0x4D, 0x47, 0x43, 1, 0x0F, 0, 8, 0}},
      {182, "whole", {0xC1, 5, 0x18, 0x41, 3, 0xCC}},
      {192, "Ethernet", with({0, 0, 8, 0, 1, 0, 0, 0}, ether4)},
      {192, "802.11", with(with({0, 0, 12, 0, 105, 0, 0, 0, 9, 9, 9, 9}, dot11(0x08, 1)), kSnap4)},
      {204, "PPP", {1, 0xFF, 3, 0, 0x21}},
      {205, "Cisco HDLC", {0, 0x0F, 0, 8, 0}},
      {206, "Frame Relay", {0, 0x18, 0x41, 3, 0xCC}},
      {226, "ipnet", with({1, 2, 0, 0}, filled(20, 1))},
      {226, "ipnet", with({1, 26, 0, 0}, filled(20, 1)), 6},
      {228, "IPv4", {}},
      {229, "IPv6", {}, 6},
      {239, "payload last", {2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 0, 3, 5, 0, 10, 0, 0, 0, 0, 0, 46, 0, 9, 0}},
      {239, "big-endian", {10, 0, 0, 0, 0, 8, 0, 1, 0, 8, 0, 3, 0, 66, 0, 9}, 6},
      {242, "InfiniBand", with(filled(40, 1), {8, 0, 0, 0})},
      {258, "Ethernet", with(pktap(1), ether4)},
      {258, "raw", pktap(12), 6},
      {274, "preamble", with({0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0xD5}, ether4)},
      {276, "cooked", cooked2(0x0800, 1)},
      {276, "cooked", cooked2(0x86DD, 1), 6},
      {276, "LLC", with(cooked2(4, 1), kSnap4)},
      {276, "802.11", with(with(cooked2(0, 801), dot11(0x08, 1)), kSnap4)},
      {281, "Broadcom", with(kMac12, {1, 2, 3, 4, 8, 0})},
      {282, "Broadcom", with({1, 2, 3, 4}, ether4)},
      {284, "Marvell", with(kMac12, {1, 2, 3, 4, 8, 0})},
      {285, "Marvell", with(kMac12, {0xDA, 0xDA, 0, 0, 1, 2, 3, 4, 8, 0})},
  };
  return all;
}

}  // namespace

TEST_SUITE_BEGIN("link types");

TEST_CASE("every link type finds IP behind each of its headers, whole and cut at every length") {
  std::set<std::uint16_t> covered;
  for (const LinkCase& c : cases()) {
    CAPTURE(c.linktype);
    CAPTURE(c.what);
    covered.insert(c.linktype);
    const ByteVector& ip = c.version == 4 ? kIp4 : kIp6;
    const ByteVector frame = with(c.header, ip);
    const Parsed seen = see(frame, c.linktype);
    REQUIRE(seen.reason == SkipReason::kNone);
    CHECK(seen.packet.ipOffset == c.header.size());
    CHECK(seen.packet.outerOffset == c.header.size());
    CHECK(seen.packet.ipEnd == frame.size());
    CHECK(seen.packet.ipVersion() == c.version);
    CHECK(seen.packet.payloadBytes == 2);
    CHECK(seen.packet.tunnelDepth == 0);
    // The link layer, the IP header and the ports: without them there is no session, with them there is.
    const std::size_t needed = c.header.size() + (c.version == 4 ? 20 : 40) + 4;
    for (std::size_t length = 0; length < frame.size(); ++length) {
      CAPTURE(length);
      const Parsed cut =
          see(ByteVector(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length)), c.linktype);
      CHECK((cut.reason == SkipReason::kNone) == (length >= needed));
    }
  }
  for (const Linktype& row : allLinktypes()) {
    CAPTURE(row.name);
    if (row.findIp != findLinktype(189)->findIp) CHECK(covered.contains(row.number));
  }
}

TEST_CASE("link types without IP are known and refused by their own reason, unknown ones by another") {
  for (const std::uint16_t number : {186, 187, 189, 195, 201, 220, 227, 230, 231, 249, 251, 253, 254, 271})
    CHECK(see(kIp4, number).reason == SkipReason::kLinktypeWithoutIp);
  CHECK(see(kIp4, 147).reason == SkipReason::kUnknownLinktype);
  CHECK(see(kIp4, 511).reason == SkipReason::kUnknownLinktype);
  CHECK(see(kIp4, 60000).reason == SkipReason::kUnknownLinktype);
  CHECK(see(kIp4, kNoLinktype).reason == SkipReason::kUnknownInterface);
  std::set<std::uint16_t> numbers;
  for (const Linktype& row : allLinktypes()) {
    CHECK(numbers.insert(row.number).second);
    CHECK(findLinktype(row.number)->number == row.number);
    CHECK_FALSE(row.name.empty());
  }
}

TEST_CASE("what is not IP, encrypted or a piece of a frame is skipped by its reason") {
  struct Case {
    std::uint16_t linktype;
    ByteVector frame;
    SkipReason reason;
  };
  const ByteVector rest = with(kSnap4, kIp4);
  const std::vector<Case> all = {
      {1, with(with(kMac12, {8, 6}), filled(40, 1)), SkipReason::kNotIp},
      {1, with(with(kMac12, {0, 40, 0x42, 0x42, 3}), filled(40, 1)), SkipReason::kNotIp},  // spanning tree
      {1, with(with(kMac12, {0x88, 0x63, 0x11, 9, 0, 0, 0, 4}), filled(40, 1)), SkipReason::kNotIp},
      {1, with(with(kMac12, {0x88, 0x47, 0, 0, 0xD1, 1, 0x10, 0, 0, 0x21}), kIp4), SkipReason::kNotIp},
      {1, with(with(kMac12, {0x88, 0xE5, 0x2C, 0}), filled(60, 1)), SkipReason::kEncrypted},
      {105, with(dot11(0x80, 0), rest), SkipReason::kNotIp},  // a beacon
      {105, with(dot11(0x48, 1), rest), SkipReason::kNotIp},  // null data
      {105, with(with(dot11(0x08, 0x41), filled(8, 1)), rest), SkipReason::kEncrypted},
      {9, with({0xFF, 3, 0, 0x3D, 0x80, 0, 0, 1, 0x21}, kIp4), SkipReason::kLinkFragment},
      {9, with({0xFF, 3, 0xC0, 0x21}, kIp4), SkipReason::kNotIp},  // link control
      {9, with({0xFF, 3, 0, 0x53}, kIp4), SkipReason::kEncrypted},
      {107, with({0x18, 0x41, 3, 0xB1, 0x80, 1, 3, 0xCC}, kIp4), SkipReason::kLinkFragment},
      {107, with({0x18, 0x40, 0x40, 0x40, 0x41}, kIp4), SkipReason::kNotIp},
      {129, with({1, 2, 0, 0, 0xD4, 2, 0, 9}, kIp4), SkipReason::kLinkFragment},
      {182, with({0x81, 5, 0x18, 0x41, 3, 0xCC}, kIp4), SkipReason::kLinkFragment},
      {192, with({0, 0, 8, 0, 189, 0, 0, 0}, kIp4), SkipReason::kLinktypeWithoutIp},
      {239, with({2, 0, 0, 0, 2, 0, 1, 0}, kIp4), SkipReason::kNotIp},
      {228, kIp6, SkipReason::kBadIpHeader},
      {229, kIp4, SkipReason::kBadIpHeader},
      {274, with(with({0x55, 0x55, 0x61}, kMac12), rest), SkipReason::kLinkFragment},
  };
  for (const Case& c : all) {
    CAPTURE(c.linktype);
    CAPTURE(c.frame.size());
    CHECK(see(c.frame, c.linktype).reason == c.reason);
  }
  ByteVector later = with(dot11(0x08, 1), rest);
  later[22] = 0x51;  // fragment 1
  CHECK(see(later, 105).reason == SkipReason::kLinkFragment);
}

TEST_CASE("headers that lead to headers end: frames within frames, tags, and captures within captures") {
  ByteVector frame;
  for (int i = 0; i < 5000; ++i) append(frame, {0, 0, 8, 0, 192, 0, 0, 0});
  CHECK(see(frame, 192).reason == SkipReason::kNotIp);
  frame = kMac12;
  for (int i = 0; i < 5000; ++i) append(frame, {0x81, 0, 0, 1});
  CHECK(see(frame, 1).reason == SkipReason::kNotIp);
  frame = kMac12;
  for (int i = 0; i < 5000; ++i) append(frame, with({0x88, 0xE7, 0, 0, 0, 0}, kMac12));
  CHECK(see(frame, 1).reason == SkipReason::kNotIp);
  frame = with(kMac12, {0x88, 0x47});
  for (int i = 0; i < 5000; ++i) append(frame, {0, 1, 0, 64});
  CHECK(see(frame, 1).reason == SkipReason::kNotIp);
  frame = with(kMac12, {0x88, 0x0B});
  for (int i = 0; i < 5000; ++i) append(frame, {0, 0x3D, 0xC0, 0, 0, 0});
  CHECK(see(frame, 1).reason == SkipReason::kNotIp);
}

TEST_CASE("layers say what a frame was made of, also where it was skipped") {
  const auto layersOf = [](const ByteVector& frame, std::uint16_t linktype) {
    return see(frame, linktype).packet.layers;
  };
  const LayerSet ipTcp = layerBit(Layer::kIpv4) | layerBit(Layer::kTcp);
  CHECK(layersOf(kIp4, 101) == ipTcp);
  CHECK(layersOf(ethernet(kIp4, 0x0800, {0x8100}), 1) == (ipTcp | layerBit(Layer::kVlan)));
  CHECK(layersOf(with({0x0F, 0, 0x88, 0x47, 0, 1, 1, 64}, kIp4), 104) == (ipTcp | layerBit(Layer::kMpls)));
  CHECK(layersOf(with({0x11, 0, 1, 2, 0, 9, 0, 0x21}, kIp4), 51) ==
        (ipTcp | layerBit(Layer::kPppoe) | layerBit(Layer::kPpp)));
  CHECK(layersOf(with(kSnap4, kIp4), 100) == (ipTcp | layerBit(Layer::kLlcSnap)));
  CHECK(layersOf(ethernet(filled(40, 1), 0x0806, {0x8100}), 1) == layerBit(Layer::kVlan));
  CHECK(layersOf(ipv4({.protocol = 1, .payload = filled(8, 1)}), 101) ==
        (layerBit(Layer::kIpv4) | layerBit(Layer::kIcmp)));
}

TEST_SUITE_END();
