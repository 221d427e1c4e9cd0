#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "support/extracted.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

ExtractOptions viewOptions(View view, Mask mask = Mask::kNone) {
  ExtractOptions options = plainOptions();
  options.view = view;
  options.mask = mask;
  return options;
}

}  // namespace

TEST_SUITE_BEGIN("images");

TEST_CASE("view pcap is a big-endian pcap file of the session: DESIGN section 5") {
  const ByteVector first = udp4Frame({.payload = {1, 2}}), second = udp4Frame({.payload = {3}});
  PcapBuilder pcap({.nanoseconds = true});
  pcap.record(0x12345678LL * 1'000'000'000 + 654'321'999, first, 0x0102);
  pcap.record(0x12345679LL * 1'000'000'000, second);
  ByteVector expected = {0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0,    4,    0, 0, 0, 0,
                         0,    0,    0,    0,    0, 0, 0xff, 0xff, 0, 0, 0, 1};
  append(expected, {0x12, 0x34, 0x56, 0x78, 0x00, 0x09, 0xfb, 0xf1, 0, 0, 0, 44, 0, 0, 1, 2});
  append(expected, first);
  append(expected, {0x12, 0x34, 0x56, 0x79, 0, 0, 0, 0, 0, 0, 0, 43, 0, 0, 0, 43});
  append(expected, second);
  CHECK(extractBytes(pcap.bytes(), viewOptions(View::kPcap)).rows.at(0).image == padded(expected));
}

TEST_CASE("a record header cut by the image's end") {
  for (std::size_t payload = 690; payload <= 710; ++payload) {
    CAPTURE(payload);
    const ByteVector first = udp4Frame({.payload = filled(payload, 1)}), second = udp4Frame({.payload = {3}});
    PcapBuilder pcap;
    pcap.record(1, first).record(0x11223344LL * 1'000'000'000, second);
    ByteVector expected = {0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0,    4,    0, 0, 0, 0,
                           0,    0,    0,    0,    0, 0, 0xff, 0xff, 0, 0, 0, 1};
    const auto length = static_cast<std::uint16_t>(first.size());
    for (int i = 0; i < 2; ++i) append32(expected, 0);
    for (int i = 0; i < 2; ++i) append32(expected, length);
    append(expected, first);
    append32(expected, 0x11223344);
    append32(expected, 0);
    for (int i = 0; i < 2; ++i) append32(expected, 43);
    append(expected, second);
    CHECK(extractBytes(pcap.bytes(), viewOptions(View::kPcap)).rows.at(0).image == padded(expected));
  }
}

TEST_CASE("view l3 drops the link layer and its trailer, view l7 all headers") {
  ByteVector l3, l7;
  PcapBuilder pcap;
  for (std::uint8_t i = 0; i < 30; ++i) {
    const ByteVector payload = filled(i, static_cast<std::uint8_t>(i + 1));
    ByteVector frame = tcp4Frame({.sequence = static_cast<std::uint32_t>(l7.size()), .payload = payload});
    l3.insert(l3.end(), frame.begin() + 14, frame.end());
    append(l7, payload);
    frame.resize(std::max<std::size_t>(frame.size(), 60), 0xEE);
    pcap.record(i, frame);
  }
  CHECK(extractBytes(pcap.bytes(), viewOptions(View::kL3)).rows.at(0).image == padded(l3));
  ExtractOptions options = viewOptions(View::kL7);
  for (const Order order : {Order::kStream, Order::kCapture}) {
    options.order = order;
    CHECK(extractBytes(pcap.bytes(), options).rows.at(0).image == padded(l7));
  }
}

TEST_CASE("a session without payload is an all-zero image in view l7") {
  PcapBuilder pcap;
  pcap.record(1, tcp4Frame({}));
  CHECK(extractBytes(pcap.bytes(), viewOptions(View::kL7)).rows.at(0).image == ByteVector(kImageBytes, 0));
}

TEST_CASE("a slot that was used before leaves nothing in the next session's image") {
  ExtractOptions options = viewOptions(View::kL3);
  options.memoryBytes = 0;  // one slot for all
  PcapBuilder pcap({.linktype = 101});
  const ByteVector large =
      ipv4({.protocol = 17, .payload = udp({.sourcePort = 1, .payload = filled(900, 1)})});
  const ByteVector small = ipv4({.protocol = 17, .payload = udp({.sourcePort = 2})});
  pcap.record(1, large).record(2, small);
  const Extracted got = extractBytes(pcap.bytes(), options);
  REQUIRE(got.rows.size() == 2);
  CHECK(got.rows[0].image == padded(large));
  CHECK(got.rows[1].image == padded(small));
}

TEST_CASE("scalar and vector kernels give the same rows, for every view and mask") {
  std::mt19937_64 random(7);
  PcapBuilder pcap;
  for (int i = 0; i < 3000; ++i) {
    const auto port = static_cast<std::uint16_t>(1 + random() % 400);
    const ByteVector payload = filled(random() % 300, static_cast<std::uint8_t>(1 + random() % 255));
    ByteVector options = filled(random() % 11 * 4, static_cast<std::uint8_t>(1 + random() % 12));
    ByteVector frame =
        random() % 3 == 0 ? udp4Frame({.sourcePort = port, .payload = payload})
        : random() % 2 == 0
            ? tcp4Frame({.sourcePort = port, .options = options, .payload = payload})
            : ethernet(ipv6({.payload = tcp({.sourcePort = port, .payload = payload})}), 0x86DD);
    if (random() % 4 == 0) frame.resize(std::max<std::size_t>(60, random() % (frame.size() + 1)), 0xEE);
    pcap.record(i, frame);
  }
  const TempFile file(pcap.bytes());
  for (const View view : {View::kPcap, View::kL3, View::kL7}) {
    for (const Mask mask : {Mask::kNone, Mask::kIdentity, Mask::kStack}) {
      setenv("FLOWGLYPH_SIMD", "scalar", 1);
      const Extracted scalar = extract({file.path()}, viewOptions(view, mask));
      unsetenv("FLOWGLYPH_SIMD");
      const Extracted vector = extract({file.path()}, viewOptions(view, mask));
      CHECK(scalar.rows.size() > 100);
      CHECK(scalar.rows == vector.rows);
    }
  }
}

TEST_SUITE_END();
