// The fields are those of DESIGN section 1; offsets from RFC 791, 8200, 4302 (AH), 6275 (mobility), 7401
// (HIP).
#include "image/protocol_mask.hpp"
#include "parse/ipv6_extensions.hpp"

namespace flowglyph {
namespace {

// type u8, length u8, value; type 0 stands alone. The home address option (RFC 6275 section 6.3) holds an
// address.
void maskDestinationOptions(MaskPattern& pattern, std::size_t base, Bytes header) {
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

}  // namespace

void maskIpv4(MaskPattern& pattern, Mask mask, Bytes ip, std::size_t base, std::size_t headerBytes) {
  pattern.zero(base + 4, 2);   // identification
  pattern.zero(base + 10, 2);  // checksum
  pattern.zero(base + 12, 8);  // addresses
  if (mask == Mask::kStack) {
    pattern.keepBits(base + 6, 0x1F);  // flags; the fragment offset stays
    pattern.zero(base + 8, 1);         // TTL
  }
  if (headerBytes <= 20) return;
  const std::size_t ownBytes = std::min((ip[0] & 0x0F) * std::size_t{4}, headerBytes);
  // kind u8, length u8, value; kinds 0 (end) and 1 (padding) stand alone. Those that hold addresses: record
  // route, loose and strict source route, timestamp.
  for (std::size_t at = 20; at < ownBytes && ip[at] != 0;) {
    if (ip[at] == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= ownBytes || ip[at + 1] < 2) break;
    const std::size_t length = std::min<std::size_t>(ip[at + 1], ownBytes - at);
    if (ip[at] == 7 || ip[at] == 131 || ip[at] == 137 || ip[at] == 68)
      pattern.zero(base + at + 2, length - 2);
    at += ip[at + 1];
  }
  // u8 next, u8 length, u16 reserved, u32 security association, u32 sequence number, check value
  for (std::size_t at = ownBytes; at + 8 <= headerBytes;) {
    const std::size_t length = (ip[at + 1] + std::size_t{2}) * 4;
    pattern.zero(base + at + 4, length - 4);
    at += length;
  }
}

void maskIpv6(MaskPattern& pattern, Mask mask, Bytes ip, std::size_t base, bool stopAtAh) {
  pattern.keepBits(base + 1, 0xF0);  // flow label: the lower 20 bits of the first word
  pattern.zero(base + 2, 2);
  pattern.zero(base + 8, 32);                           // addresses
  if (mask == Mask::kStack) pattern.zero(base + 7, 1);  // hop limit
  walkIpv6Extensions(
      ip,
      [&](std::uint8_t type, std::size_t offset, Bytes header) {
        const std::size_t at = base + offset;
        switch (type) {
          case kRouting:  // next, length, type, segments left, then type-specific data: addresses
            pattern.zero(at + 4, header.size() - 4);
            break;
          case kFragment:  // next, reserved, u16 offset and flags, u32 identification
            pattern.zero(at + 4, 4);
            if (mask == Mask::kStack) pattern.keepBits(at + 3, 0xFE);  // more-fragments flag
            break;
          case kDestinationOptions:
            maskDestinationOptions(pattern, at, header);
            break;
          case kAh:  // next, length, u16 reserved, u32 security association, u32 sequence number, check value
          case kHostIdentity:  // next, length, type, version, u16 checksum, u16 controls, sender's and
                               // receiver's identity
          case kMobility:      // next, length, type, reserved, u16 checksum, message: may hold addresses
            pattern.zero(at + 4, header.size() - 4);
            break;
          default:
            break;
        }
      },
      stopAtAh);
}

}  // namespace flowglyph
