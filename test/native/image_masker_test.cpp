// Masking an image against masking at encoding: the same bytes, for the sample captures, for the conformance
// corpus and for Facetime where they are; and what is damaged never keeps what it may hide.
#include "image/image_masker.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "support/captures.hpp"
#include "support/extracted.hpp"
#include "support/idx.hpp"
#include "support/parsed.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

constexpr std::array<Mask, 2> kMasks = {Mask::kIdentity, Mask::kStack};
constexpr std::array<View, 2> kViews = {View::kPcap, View::kL3};

std::vector<std::string> filesBelow(const std::filesystem::path& folder, const std::string& without = "") {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension();
    if (entry.is_regular_file() && extension != ".json" && extension != ".md" &&
        (without.empty() || entry.path() != without))
      paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

struct Compared {
  std::size_t images = 0, different = 0;
  MaskCounts counts;
};

// Images encoded without a mask and masked then, beside images encoded with it.
Compared compare(const std::vector<std::string>& paths, const ExtractOptions& given) {
  ExtractOptions plain = given;
  plain.mask = Mask::kNone;
  const Extracted before = extract(paths, plain, 500), after = extract(paths, given, 500);
  REQUIRE(before.rows.size() == after.rows.size());
  ImageMasker masker({given.view, given.mask, given.decap, given.protocols}, selectImageKernel());
  Compared result;
  for (std::size_t i = 0; i < before.rows.size(); ++i) {
    ByteVector image = before.rows[i].image;
    masker.mask(image.data());
    ++result.images;
    result.different += image != after.rows[i].image;
  }
  result.counts = masker.counts();
  return result;
}

std::uint64_t of(const MaskCounts& counts, MaskOutcome outcome) {
  return counts.images[static_cast<std::size_t>(outcome)];
}

MaskOutcome masked(ByteVector& image, View view = View::kPcap, Mask mask = Mask::kIdentity) {
  ImageMasker masker({view, mask, kAllTunnels, {kTcp, kUdp}}, selectImageKernel());
  image.resize(kImageBytes);
  return masker.mask(image.data());
}

ByteVector pcapImage(const std::vector<ByteVector>& frames, bool bigEndian = true) {
  PcapBuilder pcap({.linktype = 1, .bigEndian = bigEndian});
  for (const ByteVector& frame : frames) pcap.record(1'700'000'000'000'000'000, frame);
  return padded(pcap.bytes());
}

ByteVector zeroedFrom(ByteVector image, std::size_t at) {
  std::fill(image.begin() + static_cast<std::ptrdiff_t>(at), image.end(), std::uint8_t{0});
  return image;
}

}  // namespace

TEST_SUITE_BEGIN("image masker");

TEST_CASE("the sample captures: as at encoding, byte for byte") {
  const char* folder = std::getenv("FLOWGLYPH_CAPTURES");
  REQUIRE(folder != nullptr);
  const std::vector<std::string> paths = filesBelow(folder);
  REQUIRE(paths.size() > 50);
  for (const View view : kViews) {
    for (const Mask mask : kMasks) {
      ExtractOptions options;
      options.view = view;
      options.mask = mask;
      const Compared got = compare(paths, options);
      CHECK(got.images > 500);
      CHECK(got.different == 0);
      CHECK(of(got.counts, MaskOutcome::kMasked) == got.images);
      CHECK(got.counts.cutPackets > 100);
    }
  }
}

TEST_CASE("Facetime: as at encoding, byte for byte") {
  const std::string path = dataFolder() + "/raw/ustc/Facetime.pcap";
  if (!std::filesystem::exists(path)) {
    MESSAGE("skipped: no data; FLOWGLYPH_DATA names a folder with raw/ustc");
    return;
  }
  for (const View view : kViews) {
    for (const Mask mask : kMasks) {
      ExtractOptions options = plainOptions();
      options.view = view;
      options.mask = mask;
      const Compared got = compare({path}, options);
      CHECK(got.images == 6000);
      CHECK(got.different == 0);
    }
  }
}

TEST_CASE("the conformance corpus: every link type, tunnels, fragments, snaplens") {
  const std::string folder = dataFolder() + "/conformance";
  if (!std::filesystem::is_directory(folder)) {
    MESSAGE("skipped: no data; FLOWGLYPH_DATA names a folder with conformance");
    return;
  }
  for (const View view : kViews) {
    Compared all;
    for (const std::string& path : filesBelow(folder)) {
      ExtractOptions options;
      options.view = view;
      options.mask = Mask::kIdentity;
      const Compared got = compare({path}, options);
      all.images += got.images;
      all.different += got.different;
      all.counts += got.counts;
    }
    MESSAGE("view " << std::string(view == View::kPcap ? "pcap: " : "l3: ") << all.images << " images, "
                    << all.different << " different; " << all.counts.packets << " packets, "
                    << all.counts.cutPackets << " cut, " << all.counts.undecidedTunnels
                    << " where a tunnel is cut off");
    CHECK(all.images > 10000);
    // View pcap: two tunnels whose inner header the image cuts off, zeroed whole. View l3: three headers that
    // a snaplen hid in the last 13 bytes, and two sessions that carry packets of themselves as payload.
    CHECK(all.different <= (view == View::kPcap ? 2 : 5));
    CHECK(of(all.counts, MaskOutcome::kUnreadable) + of(all.counts, MaskOutcome::kBrokenOff) == 0);
  }
}

TEST_CASE("a frame cut at any byte is masked as at encoding, as far as it is there") {
  const ByteVector said = filled(64, 1);
  const ByteVector timestamps = {1, 1, 8, 10, 9, 8, 7, 6, 5, 4, 3, 2};
  const ByteVector route = {7, 7, 4, 9, 9, 9, 9, 1};
  const ByteVector routing = {17, 2, 2, 0, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  const std::vector<ByteVector> frames = {
      tcp4Frame({.options = timestamps, .payload = said}),
      udp4Frame({.payload = said}),
      ethernet(ipv4({.options = route, .payload = tcp({.payload = said})}), 0x0800, {0x8100}),
      ethernet(ipv6({.payload = tcp({.options = timestamps, .payload = said})}), 0x86DD, {0x88A8, 0x8100}),
      ethernet(ipv6({.nextHeader = 43,
                     .payload =
                         [&] {
                           ByteVector payload = routing;
                           append(payload, udp({.payload = said}));
                           return payload;
                         }()}),
               0x86DD),
  };
  for (const ByteVector& frame : frames) {
    for (std::size_t shown = 0; shown <= frame.size(); ++shown) {
      CAPTURE(frame.size());
      CAPTURE(shown);
      // So long a first packet that the second one begins `shown` bytes before the image's end.
      const std::size_t before = kImageBytes - 24 - 16 - 16 - shown;
      ByteVector first = frame;
      REQUIRE(before >= first.size());
      first.resize(before);  // a trailer behind the IP packet
      PcapBuilder pcap({.linktype = 1});
      pcap.record(1, first).record(2, frame);
      for (const Mask mask : kMasks) {
        ExtractOptions options = plainOptions();
        options.view = View::kPcap;
        const Extracted plain = extractBytes(pcap.bytes(), options);
        options.mask = mask;
        const Extracted expected = extractBytes(pcap.bytes(), options);
        REQUIRE(plain.rows.size() == 1);
        ByteVector got = plain.rows[0].image;
        CHECK(masked(got, View::kPcap, mask) == MaskOutcome::kMasked);
        CHECK(got == expected.rows[0].image);
      }
    }
  }
}

TEST_CASE("a snaplen in view l3: the next packet is found before the length that the one before says") {
  const ByteVector long1 = tcp4Frame({.payload = filled(900, 3)});
  const ByteVector back = tcp4Frame({.sourcePort = 443, .destinationPort = 40000, .payload = filled(700, 5)},
                                    0x0A000002, 0x0A000001);
  PcapBuilder pcap({.linktype = 1});
  for (const ByteVector& frame : {long1, back, long1}) {
    ByteVector cut = frame;
    cut.resize(96);
    pcap.record(1, cut, static_cast<std::uint32_t>(frame.size()));
  }
  for (const Mask mask : kMasks) {
    ExtractOptions options = plainOptions();
    const Extracted plain = extractBytes(pcap.bytes(), options);
    options.mask = mask;
    const Extracted expected = extractBytes(pcap.bytes(), options);
    REQUIRE(plain.rows.size() == 1);
    ByteVector got = plain.rows[0].image;
    CHECK(masked(got, View::kL3, mask) == MaskOutcome::kMasked);
    CHECK(got == expected.rows[0].image);
  }
}

TEST_CASE("both byte orders and nanoseconds give the same masked image") {
  const std::vector<ByteVector> frames = {tcp4Frame({.payload = filled(40, 1)}),
                                          tcp4Frame({.payload = filled(9, 7)})};
  ByteVector big = pcapImage(frames), little = pcapImage(frames, false);
  PcapBuilder nano({.linktype = 1, .bigEndian = true, .nanoseconds = true});
  for (const ByteVector& frame : frames) nano.record(1'700'000'000'123'456'789, frame);
  ByteVector third = padded(nano.bytes());
  CHECK(big != little);
  CHECK(masked(big) == MaskOutcome::kMasked);
  CHECK(masked(little) == MaskOutcome::kMasked);
  CHECK(masked(third) == MaskOutcome::kMasked);
  CHECK(big == little);
  CHECK(big == third);
}

TEST_CASE("zeros behind the last packet are its end; a packet of zeros is a packet") {
  const ByteVector frame = tcp4Frame({.payload = filled(40, 1)});
  ByteVector image = pcapImage({frame});
  CHECK(masked(image) == MaskOutcome::kMasked);
  // A frame of zeros between two others is no IP packet: hidden, and the walk goes on behind it.
  ByteVector withZeros = pcapImage({frame, ByteVector(60, 0), frame});
  ImageMasker masker({View::kPcap, Mask::kIdentity, kAllTunnels, {kTcp, kUdp}}, selectImageKernel());
  CHECK(masker.mask(withZeros.data()) == MaskOutcome::kHiddenPackets);
  CHECK(masker.counts().packets == 2);
  CHECK(masker.counts().hidden[static_cast<std::size_t>(SkipReason::kNotIp)] == 1);
  const std::size_t second = 24 + 16 + frame.size() + 16 + 60;
  const auto from = [](ByteVector& bytes, std::size_t at) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(at);
  };
  CHECK(std::equal(from(image, 24), from(image, 24 + 16 + frame.size()), from(withZeros, second)));
}

TEST_CASE("what is damaged is zeroed from there on, and said") {
  const ByteVector frame = tcp4Frame({.payload = filled(40, 1)});
  const ByteVector good = pcapImage({frame, frame, frame});
  ByteVector wholly = good;
  masked(wholly);
  const std::size_t record = 16 + frame.size();

  SUBCASE("no file header: all of it") {
    ByteVector image = good;
    image[0] = 0x77;
    CHECK(masked(image) == MaskOutcome::kUnreadable);
    CHECK(image == ByteVector(kImageBytes, 0));
  }
  SUBCASE("a link type that nobody knows: all of it") {
    ByteVector image = good;
    image[22] = 0x01;
    image[23] = 0xF3;
    CHECK(masked(image) == MaskOutcome::kUnreadable);
    CHECK(image == ByteVector(kImageBytes, 0));
  }
  SUBCASE("a captured length that no capture has") {
    ByteVector image = good;
    image[24 + record + 8] = 0x7F;
    CHECK(masked(image) == MaskOutcome::kBrokenOff);
    CHECK(image == zeroedFrom(wholly, 24 + record));
  }
  SUBCASE("bytes behind the end") {
    ByteVector image = good;
    image[kImageBytes - 3] = 9;
    CHECK(masked(image) == MaskOutcome::kBrokenOff);
    CHECK(image == wholly);
  }
  SUBCASE("a packet whose IP header contradicts itself: that packet") {
    ByteVector image = good;
    image[24 + record + 16 + 14] = 0x41;
    CHECK(masked(image) == MaskOutcome::kHiddenPackets);
    ByteVector expected = wholly;
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(24 + record), record, std::uint8_t{0});
    CHECK(image == expected);
  }
  SUBCASE("masked already: left as it is") {
    ByteVector image = wholly;
    CHECK(masked(image) == MaskOutcome::kMaskedBefore);
    CHECK(image == wholly);
  }
  SUBCASE("view l3: no IP header first") {
    ByteVector image = filled(kImageBytes, 1);
    CHECK(masked(image, View::kL3) == MaskOutcome::kUnreadable);
    CHECK(image == ByteVector(kImageBytes, 0));
  }
  SUBCASE("view l3: another session's packet") {
    ByteVector image = ipv4({.payload = tcp({.payload = filled(30, 1)})});
    const std::size_t length = image.size();
    append(image, ipv4({.source = 0x01020304, .payload = tcp({})}));
    ByteVector expected = padded(firstOf(image, length));
    masked(expected, View::kL3);
    CHECK(masked(image, View::kL3) == MaskOutcome::kBrokenOff);
    CHECK(image == expected);
  }
}

TEST_CASE("mask none and view l7 change nothing") {
  const ByteVector image = pcapImage({tcp4Frame({.payload = filled(40, 1)})});
  ByteVector same = image;
  masked(same, View::kPcap, Mask::kNone);
  CHECK(same == image);
  masked(same, View::kL7, Mask::kStack);
  CHECK(same == image);
}

TEST_CASE("threads change nothing") {
  std::mt19937_64 random(3);
  std::vector<std::uint8_t> images;
  for (std::size_t i = 0; i < 3000; ++i) {
    ByteVector payload(random() % 600);
    for (std::uint8_t& byte : payload) byte = static_cast<std::uint8_t>(random());
    const ByteVector image =
        pcapImage({tcp4Frame({.payload = payload}), udp4Frame({.payload = payload})}, random() % 2 == 0);
    images.insert(images.end(), image.begin(), image.end());
  }
  std::vector<std::uint8_t> three = images;
  std::vector<MaskOutcome> outcomes(3000), outcomes3(3000);
  const MaskOptions options;
  const MaskCounts one = maskImages(images, outcomes, options, 1);
  const MaskCounts more = maskImages(three, outcomes3, options, 3);
  CHECK(images == three);
  CHECK(outcomes == outcomes3);
  CHECK(one.packets == more.packets);
  CHECK(one.images == more.images);
  CHECK(of(one, MaskOutcome::kMasked) == 3000);
}

TEST_SUITE_END();
