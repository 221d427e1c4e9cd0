// The image encoder: patterns and copies of every instruction set against the scalar twin, a kept pattern
// against a fresh one, and what a mask promises: identity fields zero, payload untouched.
//
// Input: u8 view and mask, u8 fill, u16 link type, u8 tunnels, then frames: u16 length, u8 snaplen, bytes.
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "image/image_encoder.hpp"
#include "parse/packet.hpp"
#include "support/check.hpp"
#include "support/draw.hpp"
#include "support/exact_bytes.hpp"

namespace {

struct ByteRange {
  std::uint16_t offset, length;
};

using namespace flowglyph;
using namespace flowglyph::fuzz;

// Every instruction set that this machine and this build have.
const std::vector<ImageKernel>& vectorKernels() {
  static const std::vector<ImageKernel> kernels = [] {
    std::vector<ImageKernel> all;
    for (std::int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
      hwy::SetSupportedTargetsForTest(left & -left);
      all.push_back(vectorImageKernel());
    }
    hwy::SetSupportedTargetsForTest(0);
    return all;
  }();
  return kernels;
}

using Image = std::vector<std::uint8_t>;

struct Appended {
  Image image;
  std::size_t fill;
};

Appended appendTo(ImageEncoder& encoder, const Image& image, std::size_t fill, const Packet& packet) {
  Appended appended{image, 0};
  appended.fill = encoder.append(appended.image.data(), fill, packet);
  return appended;
}

// Where the packet's bytes begin in the view's part of an image: behind the headers that view `pcap` writes.
std::size_t leadBytes(View view, std::size_t fill) {
  if (view != View::kPcap) return 0;
  return fill == 0 ? 40 : 16;
}

// The fields at fixed places that mask `identity` zeroes, as offsets in the frame.
std::vector<ByteRange> identityFields(const Packet& packet) {
  std::vector<ByteRange> fields;
  const auto add = [&](std::uint32_t base, std::uint16_t offset, std::uint16_t length) {
    if (base + offset <= 0xFFFF) fields.push_back({static_cast<std::uint16_t>(base + offset), length});
  };
  if (packet.ipVersion() == 4) {
    add(packet.ipOffset, 4, 2);
    add(packet.ipOffset, 10, 10);
  } else {
    add(packet.ipOffset, 2, 2);
    add(packet.ipOffset, 8, 32);
  }
  if (packet.protocol() == kTcp) {
    add(packet.transportOffset, 0, 12);
    add(packet.transportOffset, 16, 2);
  } else if (packet.protocol() == kUdp) {
    add(packet.transportOffset, 0, 4);
    add(packet.transportOffset, 6, 2);
  }
  return fields;
}

void checkMasked(View view, const Packet& packet, std::size_t fill, const Appended& masked,
                 const Appended& plain) {
  FUZZ_CHECK(masked.fill == plain.fill);
  // Masking takes bits away and adds none.
  for (std::size_t i = fill; i < masked.fill; ++i) FUZZ_CHECK((masked.image[i] & ~plain.image[i]) == 0);
  if (view == View::kL7) {
    FUZZ_CHECK(masked.image == plain.image);
    return;
  }
  const std::size_t lead = fill + leadBytes(view, fill);
  const std::size_t from = view == View::kPcap ? 0 : packet.ipOffset;
  for (std::size_t i = fill; i < std::min(lead, masked.fill); ++i) FUZZ_CHECK(masked.image[i] == 0);
  for (const ByteRange& field : identityFields(packet)) {
    for (std::size_t i = 0; i < field.length && field.offset + i < packet.ipEnd; ++i) {
      const std::size_t at = lead + field.offset + i - from;
      if (at < masked.fill) FUZZ_CHECK(masked.image[at] == 0);
    }
  }
  for (std::size_t i = packet.payloadOffset; i < packet.payloadEnd; ++i) {
    const std::size_t at = lead + i - from;
    if (at < masked.fill) FUZZ_CHECK(masked.image[at] == plain.image[at]);
  }
}

// Kernels alone, on any lengths.
void checkKernels(Draw draw) {
  const ImageKernel scalar = scalarImageKernel();
  const std::size_t patternBytes = draw.u16() % 900;
  constexpr std::size_t kBlock = ImageKernel::kPatternBlock;
  const Bytes drawn = draw.take(patternBytes);
  std::vector<std::uint8_t> padded(drawn.begin(), drawn.end());
  padded.resize((drawn.size() + kBlock - 1) / kBlock * kBlock, 0xFF);
  const ExactBytes pattern(padded, draw.below(8));
  const ExactBytes from(draw.take(draw.u16() % 900), draw.below(8));
  for (const ImageKernel& kernel : vectorKernels()) {
    Image expected(from.size()), got(from.size());
    scalar.copyMasked(expected.data(), from.data(), from.size(), pattern.data(), drawn.size());
    kernel.copyMasked(got.data(), from.data(), from.size(), pattern.data(), drawn.size());
    FUZZ_CHECK(expected == got);
    const ExactBytes image(Bytes(from).first(std::min<std::size_t>(from.size(), kImageBytes)));
    Image expectedImage(kImageBytes, 0xA5), gotImage(kImageBytes, 0x5A);
    scalar.emitImage(expectedImage.data(), image.data(), image.size());
    kernel.emitImage(gotImage.data(), image.data(), image.size());
    FUZZ_CHECK(expectedImage == gotImage);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Draw draw({data, size});
  const std::uint8_t how = draw.u8();
  const View view = static_cast<View>(how % 3);
  const Mask mask = static_cast<Mask>(how / 3 % 3);
  if (how >= 250) {
    checkKernels(draw);
    return 0;
  }
  std::size_t fill = draw.u8() * std::size_t{4} % kImageBytes;
  if (view == View::kPcap && fill != 0) fill = std::max<std::size_t>(fill, 40);
  const std::uint16_t number = draw.u16();
  const Linktype* linktype = findLinktype(number);
  ParseOptions options;
  options.decap = draw.u8() % 2 == 0 ? kAllTunnels : 0;

  const auto& kernels = vectorKernels();
  ImageEncoder scalar(view, mask, scalarImageKernel());
  ImageEncoder plainEncoder(view, Mask::kNone, scalarImageKernel());
  ImageEncoder vector(view, mask, kernels[how / 9 % kernels.size()]);
  Image image(kImageBytes);
  for (std::size_t frames = 0; !draw.empty() && frames < 16; ++frames) {
    const std::size_t length = draw.u16() % 2048;
    const std::size_t cut = draw.u8();  // 0: whole
    const Bytes drawn = draw.take(length);
    const ExactBytes frame(cut != 0 ? drawn.first(std::min(cut, drawn.size())) : drawn, frames % 8);
    Record record{};
    record.timeNs = static_cast<std::int64_t>(frames) * 1'000'000'007 - 3;
    record.data = frame.data();
    record.capLength = frame.size();
    record.origLength = static_cast<std::uint32_t>(drawn.size());
    record.linktype = number;
    Packet packet;
    if (parsePacket(record, linktype, options, packet) != SkipReason::kNone) continue;

    const Appended expected = appendTo(scalar, image, fill, packet);
    const Appended got = appendTo(vector, image, fill, packet);
    FUZZ_CHECK(expected.fill == got.fill && expected.image == got.image);
    FUZZ_CHECK(expected.fill >= fill && expected.fill <= kImageBytes);
    // What was there stays, and so does what is behind the new fill.
    FUZZ_CHECK(
        std::equal(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(fill), expected.image.begin()));
    FUZZ_CHECK(std::equal(image.begin() + static_cast<std::ptrdiff_t>(expected.fill), image.end(),
                          expected.image.begin() + static_cast<std::ptrdiff_t>(expected.fill)));
    // An encoder that has seen no packet yet has no pattern kept.
    ImageEncoder fresh(view, mask, scalarImageKernel());
    FUZZ_CHECK(appendTo(fresh, image, fill, packet).image == expected.image);
    if (mask != Mask::kNone)
      checkMasked(view, packet, fill, expected, appendTo(plainEncoder, image, fill, packet));

    image = expected.image;
    fill = expected.fill;
    if (fill < kImageBytes) continue;
    fill = 0;  // the next session's
    image.assign(kImageBytes, 0);
  }
  return 0;
}
