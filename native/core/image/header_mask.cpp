// The fields are those of DESIGN section 1; offsets from RFC 791, 8200, 9293, 768, 2018 (SACK), 7323
// (timestamps), 6275 (mobility).
#include "image/header_mask.hpp"

#include <algorithm>
#include <cstring>

#include "parse/ipv6_extensions.hpp"

namespace flowglyph {
namespace {

// A pattern under construction. Ranges past the end of an image are dropped.
class Pattern {
 public:
  explicit Pattern(std::uint8_t* bytes) : bytes_(bytes) { std::memset(bytes_, 0xFF, kImageBytes); }

  void zero(std::size_t offset, std::size_t length) {
    if (offset < kImageBytes) std::memset(bytes_ + offset, 0, std::min(length, kImageBytes - offset));
  }
  void keepBits(std::size_t offset, std::uint8_t bits) {
    if (offset < kImageBytes) bytes_[offset] &= bits;
  }

 private:
  std::uint8_t* bytes_;
};

// kind u8, length u8, value; kinds 0 (end) and 1 (padding) stand alone. Serves TCP and IPv4 options.
template <typename Visit>
void walkOptions(Bytes options, Visit&& visit) {
  std::size_t at = 0;
  while (at < options.size() && options[at] != 0) {
    if (options[at] == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size()) return;
    const std::size_t length = options[at + 1];
    if (length < 2) return;
    visit(options[at], at, std::min(length, options.size() - at));
    at += length;
  }
}

void maskIpv4(Pattern& pattern, Mask mask, Bytes ip, std::size_t base, std::size_t headerBytes) {
  pattern.zero(base + 4, 2);   // identification
  pattern.zero(base + 10, 2);  // checksum
  pattern.zero(base + 12, 8);  // addresses
  if (mask == Mask::kStack) {
    pattern.keepBits(base + 6, 0x1F);  // flags; the fragment offset stays
    pattern.zero(base + 8, 1);         // TTL
  }
  if (headerBytes <= 20) return;
  // Options that hold addresses: record route, loose and strict source route, timestamp.
  walkOptions(ip.subspan(20, headerBytes - 20), [&](std::uint8_t kind, std::size_t at, std::size_t length) {
    if (kind == 7 || kind == 131 || kind == 137 || kind == 68) pattern.zero(base + 20 + at + 2, length - 2);
  });
}

// type u8, length u8, value; type 0 stands alone. The home address option (RFC 6275 section 6.3) holds an
// address.
void maskDestinationOptions(Pattern& pattern, std::size_t base, Bytes header) {
  for (std::size_t at = 2; at + 2 <= header.size();) {
    if (header[at] == 0) {
      ++at;
      continue;
    }
    const std::size_t length = header[at + 1];
    if (header[at] == 0xC9) pattern.zero(base + at + 2, std::min(length, header.size() - at - 2));
    at += 2 + length;
  }
}

void maskIpv6(Pattern& pattern, Mask mask, Bytes ip, std::size_t base) {
  pattern.keepBits(base + 1, 0xF0);  // flow label: the lower 20 bits of the first word
  pattern.zero(base + 2, 2);
  pattern.zero(base + 8, 32);                           // addresses
  if (mask == Mask::kStack) pattern.zero(base + 7, 1);  // hop limit
  walkIpv6Extensions(ip, [&](std::uint8_t type, std::size_t offset, Bytes header) {
    const std::size_t at = base + offset;
    switch (type) {
      case kRouting:  // next, length, type, segments left, then type-specific data: addresses
        pattern.zero(at + 4, header.size() - 4);
        break;
      case kFragment:  // next, reserved, u16 offset and flags, u32 identification
        pattern.zero(at + 4, 4);
        if (mask == Mask::kStack) pattern.keepBits(at + 3, 0xFE);  // more-fragments flag
        break;
      case kAuthentication:  // next, length, u16 reserved, u32 SPI, u32 sequence number, check value
        pattern.zero(at + 8, header.size() - 8);
        break;
      case kDestinationOptions:
        maskDestinationOptions(pattern, at, header);
        break;
      case kHostIdentity:  // next, length, type, version, u16 checksum, u16 controls, sender's and receiver's
                           // identity
      case kMobility:      // next, length, type, reserved, u16 checksum, message: may hold addresses
        pattern.zero(at + 4, header.size() - 4);
        break;
      default:
        break;
    }
  });
}

void maskTcp(Pattern& pattern, Mask mask, Bytes header, std::size_t base) {
  pattern.zero(base, 4);       // ports
  pattern.zero(base + 4, 8);   // sequence and acknowledgement numbers
  pattern.zero(base + 16, 2);  // checksum
  if (mask == Mask::kStack) {
    pattern.zero(base + 14, 2);  // window
    if (header.size() > 20) pattern.zero(base + 20, header.size() - 20);
    return;
  }
  if (header.size() <= 20) return;
  walkOptions(header.subspan(20), [&](std::uint8_t kind, std::size_t at, std::size_t length) {
    // 8 timestamps; 5 selective acknowledgement: its edges are sequence numbers
    if (kind == 8 || kind == 5) pattern.zero(base + 20 + at + 2, length - 2);
  });
}

// The option bytes that nearly every TCP segment of a connection with timestamps starts with: NOP, NOP,
// 8, 10.
constexpr std::uint32_t kTimestampsOnly = 0x0101080A;

}  // namespace

HeaderMask::HeaderMask(View view, Mask mask) : view_(view), mask_(view == View::kL7 ? Mask::kNone : mask) {}

HeaderPattern HeaderMask::patternFor(const Packet& packet) {
  if (mask_ == Mask::kNone) return {nullptr, 0};
  const std::uint64_t shape = shapeOf(packet);
  if (shape == 0) return {built_.data(), build(packet, built_.data())};
  Kept& kept = kept_[(shape * 0x9E3779B97F4A7C15u) >> 59];  // the top 5 bits: all of the shape reaches them
  if (kept.shape != shape) {
    kept.length = build(packet, built_.data());
    std::memcpy(kept.bytes.data(), built_.data(), kKeptBytes);
    kept.shape = shape;
  }
  return {kept.bytes.data(), kept.length};
}

std::uint64_t HeaderMask::shapeOf(const Packet& packet) const {
  if (!packet.plainIp || packet.ipOffset > 64) return 0;
  std::uint64_t options = 1;
  if (packet.protocol() == kTcp) {
    const std::uint32_t headerBytes = packet.payloadOffset - packet.transportOffset;
    const std::uint8_t* header = packet.record.data + packet.transportOffset;
    if (headerBytes == 32 && loadBig<std::uint32_t>(header + 20) == kTimestampsOnly) {
      options = 2;
    } else if (headerBytes > 20) {
      return 0;
    }
  }
  return options | std::uint64_t{packet.ipOffset} << 8 | std::uint64_t{packet.ipVersion()} << 16 |
         std::uint64_t{packet.protocol()} << 24 | std::uint64_t{packet.linktype->number} << 32;
}

std::size_t HeaderMask::build(const Packet& packet, std::uint8_t* bytes) const {
  Pattern pattern(bytes);
  const std::uint8_t* frame = packet.record.data;
  const std::size_t start = view_ == View::kPcap ? 0 : packet.ipOffset;
  if (view_ == View::kPcap)
    for (const ByteRange& range : packet.linktype->hardwareAddresses)
      pattern.zero(range.offset, range.length);

  const Bytes ip(frame + packet.ipOffset, packet.ipEnd - packet.ipOffset);
  const std::size_t ipBase = packet.ipOffset - start;
  if (packet.ipVersion() == 4) {
    maskIpv4(pattern, mask_, ip, ipBase, packet.transportOffset - packet.ipOffset);
  } else {
    maskIpv6(pattern, mask_, ip, ipBase);
  }

  const std::size_t base = packet.transportOffset - start;
  std::size_t headerBytes = packet.payloadOffset - packet.transportOffset;
  if (packet.protocol() == kTcp) {
    maskTcp(pattern, mask_, {frame + packet.transportOffset, headerBytes}, base);
    // A kept pattern serves headers cut short by the snaplen and whole ones alike.
    headerBytes = std::max<std::size_t>(headerBytes, 20);
  } else {
    pattern.zero(base, 4);      // ports
    pattern.zero(base + 6, 2);  // checksum
    headerBytes = 8;
  }
  return std::min(base + headerBytes, kImageBytes);
}

}  // namespace flowglyph
