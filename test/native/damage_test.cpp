// Truncation at every byte, and the accounting that must survive it (extract() checks the identity). What is
// random is in test/fuzz.
#include <doctest/doctest.h>

#include "support/extracted.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

std::vector<ByteVector> sampleFrames() {
  ByteVector options = {2, 4, 5, 180, 1, 3, 3, 7};
  return {tcp4Frame({.options = options, .payload = filled(30, 1)}),
          udp4Frame({.sourcePort = 53, .payload = filled(12, 9)}),
          ethernet(ipv6({.nextHeader = 17, .payload = udp({.payload = filled(20, 3)})}), 0x86DD, {0x8100}),
          ethernet(filled(28, 1), 0x0806),
          ethernet(ipv4({.flagsAndOffset = 0x2001, .payload = filled(30, 2)}), 0x0800)};
}

ByteVector samplePcap(bool bigEndian) {
  PcapBuilder pcap({.bigEndian = bigEndian});
  std::int64_t time = 0;
  for (const ByteVector& frame : sampleFrames()) pcap.record(time += 1'000'000, frame);
  return pcap.bytes();
}

ByteVector samplePcapng() {
  PcapngBuilder ng;
  ng.section().interface({.tsResol = 9}).interface({.linktype = 113});
  std::uint64_t time = 0;
  for (const ByteVector& frame : sampleFrames()) ng.enhanced(0, time += 1000, frame).block(4, filled(10, 1));
  ng.section(true).interface();
  for (const ByteVector& frame : sampleFrames()) ng.old(0, time += 1000, frame).simple(frame);
  return ng.bytes();
}

ExtractOptions options() {
  ExtractOptions options;
  options.view = View::kPcap;
  options.mask = Mask::kStack;
  return options;
}

}  // namespace

TEST_SUITE_BEGIN("damage");

TEST_CASE("cut at every byte: what is whole is delivered, then one warning with the offset of what is not") {
  for (const ByteVector& whole : {samplePcap(false), samplePcap(true), samplePcapng()}) {
    const TempFile file(whole);
    const std::uint64_t all = extract({file.path()}, options()).summary.packets;
    CHECK(all >= 5);
    std::uint64_t before = 0;
    for (std::size_t length = 0; length <= whole.size(); ++length) {
      CAPTURE(length);
      file.write(ByteVector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
      const Extracted got = extract({file.path()}, options());
      CHECK(got.summary.packets >= before);
      CHECK(got.summary.packets <= before + 1);
      before = got.summary.packets;
      CHECK(got.summary.source.bytesRead == length);
      if (!got.errorCode.empty()) {
        CHECK(got.errorCode == "ERR_CAPTURE_FORMAT");
        CHECK(length < 24);
        continue;
      }
      CHECK(got.summary.source.truncated == !got.summary.source.warnings.empty());
      REQUIRE(got.summary.source.warnings.size() <= 1);
      if (got.summary.source.truncated) {
        const std::string& warning = got.summary.source.warnings[0];
        const std::size_t at = warning.find("truncated at byte offset ");
        REQUIRE(at != std::string::npos);
        const std::size_t offset = std::stoul(warning.substr(at + 25));
        CHECK(offset < length);
        // "needs N bytes, M left": M is what there is from the offset on.
        CHECK(warning.find(", " + std::to_string(length - offset) + " left") != std::string::npos);
      }
    }
    CHECK(before == all);
  }
}

TEST_CASE("every captured length of every sample frame, in every view and mask") {
  for (const ByteVector& frame : sampleFrames()) {
    PcapBuilder pcap;
    for (std::size_t length = 0; length <= frame.size(); ++length) {
      pcap.record(static_cast<std::int64_t>(length),
                  ByteVector(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length)),
                  static_cast<std::uint32_t>(frame.size()));
    }
    for (const View view : {View::kPcap, View::kL3, View::kL7}) {
      for (const Mask mask : {Mask::kNone, Mask::kIdentity, Mask::kStack}) {
        ExtractOptions each = plainOptions();
        each.view = view;
        each.mask = mask;
        CHECK(extractBytes(pcap.bytes(), each).summary.packets == frame.size() + 1);
      }
    }
  }
}

TEST_SUITE_END();
