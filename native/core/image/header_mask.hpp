// Which header bytes a mask zeroes, as a pattern to AND with: 0xFF keeps a byte, 0 zeroes it.
#pragma once

#include <array>
#include <cstdint>

#include "image/mask_pattern.hpp"
#include "options.hpp"
#include "parse/packet.hpp"

namespace flowglyph {

// From the first byte of the view's packet (view `pcap`: the frame; `l3`: the IP header) to the end of the
// headers.
struct HeaderPattern {
  const std::uint8_t* bytes;  // padded as kernels read it
  std::size_t length;         // <= kImageBytes: nothing further can reach an image
};

class HeaderMask {
 public:
  // Mask `none` and view `l7` give empty patterns.
  HeaderMask(View view, Mask mask);

  // Good until the next call. Patterns of the usual header shapes are kept, so that masking costs one AND.
  HeaderPattern patternFor(const Packet& packet) {
    if (mask_ == Mask::kNone) return {nullptr, 0};
    const std::uint64_t shape = shapeOf(packet);
    const Kept& kept = kept_[placeOf(shape)];
    if (shape != 0 && kept.shape == shape) return {kept.bytes.data(), kept.length};
    return fresh(packet, shape);
  }

  // Of a frame of which only the first `shown` bytes are known, and end within its link layer; the others are
  // zeros. Good until the next call.
  HeaderPattern patternOfLink(Bytes frame, const Linktype& linktype, std::size_t shown);

 private:
  static constexpr std::size_t kKeptBytes = 192;  // more than link layer + 40 + 32
  static constexpr std::size_t kKept = 32;        // 2^5
  static_assert(kKeptBytes % ImageKernel::kPatternBlock == 0);
  struct Kept {
    std::uint64_t shape = 0;  // 0 = empty
    std::size_t length = 0;
    std::array<std::uint8_t, kKeptBytes> bytes;
  };

  // The top 5 bits of the product: all of the shape reaches them.
  static std::size_t placeOf(std::uint64_t shape) { return (shape * 0x9E3779B97F4A7C15u) >> 59; }

  // Names all that the pattern depends on; 0 for headers that vary too much to be kept.
  std::uint64_t shapeOf(const Packet& packet) const {
    const std::uint8_t protocol = packet.protocol();
    if (!packet.plainIp || !((protocol == kTcp) | (protocol == kUdp))) return 0;
    // 20 bytes of TCP or 8 of UDP; or TCP with timestamps as the only option.
    const std::uint32_t header = packet.payloadOffset - packet.transportOffset;
    std::uint64_t options = 1;
    if (header > 20) {
      if (header != 32 ||
          loadBig<std::uint32_t>(packet.record.data + packet.transportOffset + 20) != kTimestampsOnly)
        return 0;
      options = 2;
    }
    const std::uint64_t ip = std::uint64_t{packet.ipVersion()} << 16 | std::uint64_t{protocol} << 24;
    if (view_ != View::kPcap) return options | ip;
    const std::uint64_t link = linkShape(packet);
    return link == 0 ? 0 : options | ip | link;
  }
  // In view `pcap`: of what stands before IP; 0 where it varies.
  static std::uint64_t linkShape(const Packet& packet);
  // Builds the pattern, and keeps it unless `shape` is 0.
  HeaderPattern fresh(const Packet& packet, std::uint64_t shape);
  // Returns the length. `pattern` has MaskPattern::kBytes.
  std::size_t build(const Packet& packet, std::uint8_t* pattern) const;

  // The option bytes that nearly every TCP segment of a connection with timestamps starts with: NOP, NOP, 8,
  // 10.
  static constexpr std::uint32_t kTimestampsOnly = 0x0101080A;

  View view_;
  Mask mask_;
  std::array<Kept, kKept> kept_;
  std::array<std::uint8_t, MaskPattern::kBytes> built_;
};

}  // namespace flowglyph
