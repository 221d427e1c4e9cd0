// Masks images that exist: those of view `pcap` and `l3` hold real headers. The headers are found in the
// image's own bytes, and hidden by the code that hides them at encoding.
//
// View pcap: u8[24] file header, then for each packet u8[16] record header and the frame, cut at the image's
// end. View l3: IP packets, one after the other. Both end in zeros where the session had fewer bytes.
//
// What cannot be read is hidden, never kept: it may be an address.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "image/header_mask.hpp"
#include "image/image_kernel.hpp"
#include "options.hpp"
#include "parse/packet.hpp"

namespace flowglyph {

// What became of an image; of several, the last that fits. Values are stable: they cross to JavaScript.
enum class MaskOutcome : std::uint8_t {
  kMasked,         // all packets were found and masked
  kHiddenPackets,  // packets that are no IP packets, or whose headers are damaged: zeroed
  kBrokenOff,      // from some byte on it is no packet: zeroed from there to the end
  kUnreadable,     // it does not begin as images of the view do: zeroed
  kMaskedBefore,   // its headers are zeroed already: left as it is
};
inline constexpr std::array<std::string_view, 5> kMaskOutcomeNames = {"masked", "hiddenPackets", "brokenOff",
                                                                      "unreadable", "maskedBefore"};
inline constexpr std::size_t kMaskOutcomes = kMaskOutcomeNames.size();

struct MaskCounts {
  std::array<std::uint64_t, kMaskOutcomes> images{};
  std::uint64_t packets = 0;     // that were masked
  std::uint64_t cutPackets = 0;  // of those: cut by the image's end
  // Of those: cut where nothing says whether a tunnel is inside. Taken for one where the packets before were.
  std::uint64_t undecidedTunnels = 0;
  std::array<std::uint64_t, kSkipReasons> hidden{};  // packets that were zeroed, by reason

  MaskCounts& operator+=(const MaskCounts& other);
};

struct MaskOptions {
  View view = View::kPcap;
  Mask mask = Mask::kIdentity;
  // As the images were encoded: which outer headers did not count, and what made sessions.
  TunnelSet decap = kAllTunnels;
  ProtocolSet protocols = {kTcp, kUdp};
};

class ImageMasker {
 public:
  ImageMasker(const MaskOptions& options, const ImageKernel& kernel);

  // `image` has kImageBytes. Mask `none` and view `l7` change nothing.
  MaskOutcome mask(std::uint8_t* image);
  const MaskCounts& counts() const { return counts_; }

 private:
  // Zeros behind the image stand for what was cut off: the fields that are missing are looked at and say
  // nothing.
  static constexpr std::size_t kRoom = 2 * kImageBytes;

  MaskOutcome maskPcap();
  MaskOutcome maskL3();
  // A frame or an IP packet of `length` bytes at `at`, as long as the session's own; its visible part may be
  // shorter.
  void maskFrame(std::size_t at, std::uint64_t length, std::uint32_t wireLength, std::uint16_t linktype,
                 const Linktype& row);
  bool maskIpPacket(std::size_t at, std::size_t length);  // whether it could be read
  // With the headers cut: fills `packet` as far as they are there.
  void describeCut(std::size_t at, std::size_t ipOffset, const Linktype* row, Packet& packet) const;
  // Zeros what is shown of a tunnelled packet that ends before the inner header: whether it was one.
  bool hideUndecided(std::size_t at, std::size_t visible, const Packet& packet);
  void hidePacket(std::size_t at, std::size_t length, SkipReason reason);
  void apply(std::size_t at, std::size_t length, const HeaderPattern& pattern);
  void zeroFrom(std::size_t at);
  bool anyFrom(std::size_t at) const;  // a byte other than 0
  std::size_t nextIpPacket(std::size_t from, std::size_t end) const;
  bool isOfSession(std::size_t at) const;
  MaskOutcome finished() const { return hiddenHere_ ? MaskOutcome::kHiddenPackets : MaskOutcome::kMasked; }

  MaskOptions options_;
  ParseOptions parse_;
  ImageKernel kernel_;
  HeaderMask headers_;
  MaskCounts counts_;
  std::array<std::uint8_t, kRoom> bytes_{};  // the image as it was, and zeros
  std::uint8_t* image_ = nullptr;
  bool hiddenHere_ = false;
  std::uint8_t tunnelDepth_ = 0;  // of the last packet of this image
};

// Masks `images` (n x kImageBytes) in place; `outcomes` has one a image. The result does not depend on
// `threads`.
MaskCounts maskImages(std::span<std::uint8_t> images, std::span<MaskOutcome> outcomes,
                      const MaskOptions& options, unsigned threads);

}  // namespace flowglyph
