// RFC 9293 (TCP), 2018 (SACK), 7323 (timestamps), 768 and 3828 (UDP), 792 and 4443 (ICMP), 9260 (SCTP), 4340
// (DCCP), 4303 (ESP), 4302 (AH), 2784 (GRE).
#include "image/protocol_mask.hpp"
#include "parse/ipv6_extensions.hpp"

namespace flowglyph {
namespace {

constexpr std::uint8_t kIpv4InIp = 4, kIpv6InIp = 41;
constexpr unsigned kMaxNesting = 8;

void maskTcp(MaskPattern& pattern, Mask mask, Bytes header, std::size_t base) {
  pattern.zero(base, 4);       // ports
  pattern.zero(base + 4, 8);   // sequence and acknowledgement numbers
  pattern.zero(base + 16, 2);  // checksum
  pattern.reach(base + std::max<std::size_t>(header.size(), 20));
  if (mask == Mask::kStack) pattern.zero(base + 14, 2);  // window
  if (header.size() <= 20) return;
  if (mask == Mask::kStack) return pattern.zero(base + 20, header.size() - 20);
  // kind u8, length u8, value; kinds 0 (end) and 1 (padding) stand alone
  for (std::size_t at = 20; at < header.size() && header[at] != 0;) {
    if (header[at] == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= header.size() || header[at + 1] < 2) return;
    const std::size_t length = std::min<std::size_t>(header[at + 1], header.size() - at);
    // 8 timestamps; 5 selective acknowledgement: its edges are sequence numbers
    if (header[at] == 8 || header[at] == 5) pattern.zero(base + at + 2, length - 2);
    at += header[at + 1];
  }
}

// u8 type, u8 code, u16 checksum, then by type. Echoes keep what they send to and fro. What the others hold
// is addresses: of routers, of neighbours, of the packet that an error is about.
void maskIcmp(MaskPattern& pattern, bool six, Bytes segment, std::size_t base) {
  const bool echo =
      !segment.empty() && (six ? segment[0] == 128 || segment[0] == 129 : segment[0] == 0 || segment[0] == 8);
  pattern.zero(base + 2, echo ? 6 : std::max<std::size_t>(segment.size(), 8) - 2);
}

// u16 + u16 ports, u32 verification tag, u32 checksum; then chunks: u8 type, u8 flags, u16 length, value,
// padded to 4
void maskSctp(MaskPattern& pattern, Bytes segment, std::size_t base) {
  constexpr std::uint8_t kData = 0, kInit = 1, kInitAck = 2, kSack = 3, kHeartbeat = 4, kHeartbeatAck = 5,
                         kShutdown = 7, kCookieEcho = 10;
  pattern.zero(base, 12);
  for (std::size_t at = 12; at + 4 <= segment.size() && base + at < kImageBytes;) {
    const std::size_t length = loadBig<std::uint16_t>(segment.data() + at + 2);
    if (length < 4) return;
    const std::size_t value = std::min(length, segment.size() - at) - 4;
    switch (segment[at]) {
      case kData:  // u32 transmission number, u16 stream, u16 number in the stream, u32 protocol, payload
        pattern.zero(base + at + 4, std::min<std::size_t>(value, 4));
        if (value >= 8) pattern.zero(base + at + 10, 2);
        break;
      case kInit:  // u32 tag, u32 window, u16 + u16 streams, u32 first number, then addresses and cookies
      case kInitAck:
        pattern.zero(base + at + 4, std::min<std::size_t>(value, 4));
        if (value > 12) pattern.zero(base + at + 16, value - 12);
        break;
      case kSack:  // u32 number, u32 window, u16 + u16 counts, blocks relative to it, numbers
        pattern.zero(base + at + 4, std::min<std::size_t>(value, 4));
        if (value > 12) pattern.zero(base + at + 16, value - 12);
        break;
      case kHeartbeat:
      case kHeartbeatAck:
      case kShutdown:
      case kCookieEcho:
        pattern.zero(base + at + 4, value);
        break;
      default:
        break;
    }
    at += (length + 3) & ~std::size_t{3};
  }
}

// u16 + u16 ports, u8 offset in words, u8, u16 checksum, u8 type and size of numbers, numbers; then options,
// which may hold times
void maskDccp(MaskPattern& pattern, Bytes segment, std::size_t base) {
  pattern.zero(base, 4);
  pattern.zero(base + 6, 2);
  const std::size_t header = segment.size() > 4 ? segment[4] * std::size_t{4} : 0;
  pattern.zero(base + 9, std::max<std::size_t>(std::min(header, segment.size()), 12) - 9);
}

void maskNestedIp(MaskPattern& pattern, Mask mask, Bytes ip, std::size_t base, unsigned nesting) {
  if (nesting > kMaxNesting || ip.empty()) return;
  if (ip[0] >> 4 == 4 && ip.size() >= 20) {
    const std::size_t header = std::min((ip[0] & 0x0F) * std::size_t{4}, ip.size());
    if (header < 20) return;
    maskIpv4(pattern, mask, ip, base, header);
    maskTransport(pattern, mask, ip[9], ip.subspan(header), base + header, nesting);
  } else if (ip[0] >> 4 == 6 && ip.size() >= 40) {
    const Ipv6Transport transport = walkIpv6Extensions(ip, [](std::uint8_t, std::size_t, Bytes) {});
    maskIpv6(pattern, mask, ip, base, false);
    if (transport.reason == SkipReason::kNone)
      maskTransport(pattern, mask, transport.protocol, ip.subspan(transport.offset), base + transport.offset,
                    nesting);
  }
}

// u16 flags, u16 type; checksum, key, sequence number, acknowledgement; then a packet
void maskGre(MaskPattern& pattern, Mask mask, Bytes segment, std::size_t base, unsigned nesting) {
  if (segment.size() < 4) return;
  const auto flags = loadBig<std::uint16_t>(segment.data());
  const auto type = loadBig<std::uint16_t>(segment.data() + 2);
  std::size_t header = 4;
  if ((flags & 0xC000) != 0) header += 4;
  if ((flags & 0x2000) != 0) header += 4;
  if ((flags & 0x1000) != 0) header += 4;
  if ((flags & 0x0080) != 0) header += 4;
  pattern.zero(base + 4, header - 4);
  if (segment.size() > header && (type == 0x0800 || type == 0x86DD))
    maskNestedIp(pattern, mask, segment.subspan(header), base + header, nesting);
}

}  // namespace

std::size_t tcpHeaderBytes(Bytes segment) {
  if (segment.size() < 14) return 20;
  return std::max(std::min((segment[12] >> 4) * std::size_t{4}, segment.size()), std::size_t{20});
}

void maskTransport(MaskPattern& pattern, Mask mask, std::uint8_t protocol, Bytes segment, std::size_t base,
                   unsigned nesting) {
  switch (protocol) {
    case kTcp:
      return maskTcp(pattern, mask, segment.first(std::min(tcpHeaderBytes(segment), segment.size())), base);
    case kUdp:
    case kUdpLite:
      pattern.zero(base, 4);      // ports
      pattern.zero(base + 6, 2);  // checksum
      return;
    case kIcmp:
    case kIcmpV6:
      return maskIcmp(pattern, protocol == kIcmpV6, segment, base);
    case kSctp:
      return maskSctp(pattern, segment, base);
    case kDccp:
      return maskDccp(pattern, segment, base);
    case kEsp:  // u32 security association, u32 sequence number
      return pattern.zero(base, 8);
    case kAh: {  // u8 next, u8 length, u16 reserved, u32 security association, u32 sequence number, check
                 // value
      const std::size_t length = segment.size() > 1 ? (segment[1] + std::size_t{2}) * 4 : 12;
      pattern.zero(base + 4, length - 4);
      if (segment.size() > length)
        maskTransport(pattern, mask, segment[0], segment.subspan(length), base + length, nesting + 1);
      return;
    }
    case kIgmp:  // u8 type, u8 time, u16 checksum, groups
      return pattern.zero(base + 2, std::max<std::size_t>(segment.size(), 8) - 2);
    case kIpv4InIp:
    case kIpv6InIp:
      return maskNestedIp(pattern, mask, segment, base, nesting + 1);
    case kGreProtocol:
      return maskGre(pattern, mask, segment, base, nesting + 1);
    default:
      return;  // nothing is known of it: the IP header alone is masked
  }
}

}  // namespace flowglyph
