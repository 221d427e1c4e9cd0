// Images that exist, masked: raw bytes, and images of drawn captures beside masking at encoding. Nothing but
// bits of header fields goes away, a second time changes nothing, and what encoding hides is never shown.
//
// Input: u8 view and mask, u8 kind; then image bytes (kinds 0 to 3: behind a file header of link type u16),
// or packets as support/packet_grammar.hpp draws them.
#include <algorithm>
#include <array>
#include <vector>

#include "image/image_masker.hpp"
#include "support/captures.hpp"
#include "support/check.hpp"
#include "support/exact_bytes.hpp"
#include "support/extraction.hpp"
#include "support/memory_file.hpp"
#include "support/packet_grammar.hpp"

namespace {

using namespace flowglyph;
using namespace flowglyph::fuzz;

std::uint64_t sum(const MaskCounts& counts) {
  std::uint64_t all = 0;
  for (const std::uint64_t images : counts.images) all += images;
  return all;
}

bool within(Bytes less, Bytes more) {
  return std::equal(less.begin(), less.end(), more.begin(),
                    [](std::uint8_t a, std::uint8_t b) { return (a & ~b) == 0; });
}

// `image` masked, on the heap at its exact size, after all that must hold of any image.
ByteVector checkImage(const ByteVector& image, const MaskOptions& options) {
  ImageMasker vector(options, vectorImageKernel()), scalar(options, scalarImageKernel());
  const ExactBytes start(image);
  ExactBytes one(image), two(image);
  const MaskOutcome outcome = vector.mask(one.data());
  FUZZ_CHECK(outcome == scalar.mask(two.data()));
  FUZZ_CHECK(std::equal(one.data(), one.data() + kImageBytes, two.data()));
  FUZZ_CHECK(within(one, start));
  FUZZ_CHECK(sum(vector.counts()) == 1);
  const bool changes = options.mask != Mask::kNone && options.view != View::kL7;
  if (!changes || outcome == MaskOutcome::kMaskedBefore)
    FUZZ_CHECK(std::equal(one.data(), one.data() + kImageBytes, start.data()));
  if (outcome == MaskOutcome::kUnreadable)
    FUZZ_CHECK(std::all_of(one.data(), one.data() + kImageBytes, [](std::uint8_t b) { return b == 0; }));
  if (changes && options.view == View::kPcap)
    FUZZ_CHECK(std::all_of(one.data(), one.data() + 40, [](std::uint8_t b) { return b == 0; }) ||
               outcome == MaskOutcome::kMaskedBefore);
  ExactBytes again{Bytes(one)};
  const MaskOutcome second = vector.mask(again.data());
  FUZZ_CHECK(!changes || second == MaskOutcome::kMaskedBefore);
  FUZZ_CHECK(std::equal(one.data(), one.data() + kImageBytes, again.data()));
  // A masker that has masked others first finds the same.
  ExactBytes third(image);
  vector.mask(third.data());
  FUZZ_CHECK(std::equal(one.data(), one.data() + kImageBytes, third.data()));
  return {one.data(), one.data() + kImageBytes};
}

ByteVector drawImage(Draw& draw, std::uint8_t kind) {
  ByteVector image;
  if (kind < 4) {
    const std::uint16_t linktype = draw.u16();
    const auto options =
        test::PcapOptions{.linktype = linktype, .bigEndian = (kind & 1) == 0, .nanoseconds = (kind & 2) != 0};
    image = test::PcapBuilder(options).bytes();
  }
  const Bytes rest = draw.take(kImageBytes - image.size());
  image.insert(image.end(), rest.begin(), rest.end());
  image.resize(kImageBytes);
  return image;
}

ByteVector drawCapture(Draw& draw) {
  const std::uint16_t linktype = kGrammarLinktypes[draw.below(kGrammarLinktypes.size())];
  test::PcapBuilder pcap({.linktype = linktype});
  Connections connections;
  for (std::size_t packets = 0; !draw.empty() && packets < 128;) {
    for (const ByteVector& ip : ipPackets(connections, draw)) {
      pcap.record(static_cast<std::int64_t>(++packets) * 1'000'000, frameAround(linktype, ip, draw));
    }
  }
  return pcap.bytes();
}

void checkCapture(Draw& draw, const MaskOptions& options) {
  ExtractOptions extraction;
  extraction.view = options.view;
  extraction.decap = options.decap;
  extraction.protocols = options.protocols;
  const MemoryFile file(drawCapture(draw));
  extraction.mask = Mask::kNone;
  const Extraction plain = extractAll({file.path()}, extraction);
  extraction.mask = options.mask;
  const Extraction expected = extractAll({file.path()}, extraction);
  FUZZ_CHECK(plain.rows == expected.rows);
  const auto column = static_cast<std::size_t>(Column::kImages);
  for (std::size_t row = 0; row < plain.rows; ++row) {
    const auto at = static_cast<std::ptrdiff_t>(row * kImageBytes);
    const auto image = plain.columns[column].begin() + at;
    const ByteVector got = checkImage({image, image + kImageBytes}, options);
    const Bytes wanted(expected.columns[column].data() + at, kImageBytes);
    FUZZ_CHECK(within(got, wanted));
    // Of view l3 a packet that is said to hold one of its own session may be taken for two.
    if (options.view != View::kL3) FUZZ_CHECK(std::equal(got.begin(), got.end(), wanted.begin()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Draw draw({data, size});
  const std::uint8_t how = draw.u8(), kind = draw.u8();
  MaskOptions options;
  options.view = static_cast<View>(how % 3);
  options.mask = static_cast<Mask>(how / 3 % 3);
  // Whether a tunnel is inside cannot be said where the image cuts it off.
  options.decap = kind % 16 >= 8 || how % 2 == 0 ? 0 : kAllTunnels;
  if (kind % 16 < 8)
    checkImage(drawImage(draw, kind % 8), options);
  else
    checkCapture(draw, options);
  return 0;
}
