// The way from a frame's first byte to its IP header: what every link type and every tunnel decoder shares.
// Offsets count from the record's first byte all along the way, so that a walk can go on inside a tunnel.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bytes.hpp"
#include "parse/layer.hpp"
#include "parse/skip_reason.hpp"

namespace flowglyph {

struct LinkResult {
  SkipReason reason;       // kNone: an IP packet starts at `ipOffset`
  std::uint32_t ipOffset;  // < frame length
};

// What mask `identity` zeroes of a link layer: hardware addresses, and the numbers of VLANs, labels, circuits
// and sessions, which name a place in a network and not what is said there.
struct IdentityRange {
  std::uint32_t offset, length;
  std::uint8_t keep;  // bits of the bytes that stay
  bool stackOnly;     // a TTL: only mask `stack` hides it
};

class IdentityRanges {
 public:
  void add(std::size_t offset, std::size_t length, std::uint8_t keep = 0, bool stackOnly = false) {
    if (count_ == ranges_.size()) {
      overflowed_ = true;
      return;
    }
    ranges_[count_++] = {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(length), keep,
                         stackOnly};
  }
  std::span<const IdentityRange> ranges() const { return {ranges_.data(), count_}; }
  bool overflowed() const { return overflowed_; }  // more than fit: hide the whole link layer

 private:
  std::array<IdentityRange, 64> ranges_;
  std::size_t count_ = 0;
  bool overflowed_ = false;
};

// What a walk notes on its way. Without `identity` it only looks for IP.
struct LinkNotes {
  LayerSet layers = 0;
  IdentityRanges* identity = nullptr;
  unsigned steps = 0;

  void went(Layer layer) { layers |= layerBit(layer); }
  void hide(std::size_t offset, std::size_t length, std::uint8_t keep = 0) const {
    if (identity != nullptr) identity->add(offset, length, keep);
  }
  void hideHops(std::size_t offset) const {
    if (identity != nullptr) identity->add(offset, 1, 0, true);
  }
  // Headers that lead to headers: a crafted frame could go on to its end.
  bool tooMany() { return ++steps > kMaxSteps; }

  static constexpr unsigned kMaxSteps = 32;
};

constexpr LinkResult skip(SkipReason reason) { return {reason, 0}; }
inline LinkResult ipAt(Bytes frame, std::size_t offset) {
  if (frame.size() <= offset) return skip(SkipReason::kTruncatedHeader);
  return {SkipReason::kNone, static_cast<std::uint32_t>(offset)};
}
inline bool holds(Bytes frame, std::size_t offset, std::size_t bytes) {
  return offset <= frame.size() && frame.size() - offset >= bytes;
}
inline std::uint16_t big16(Bytes frame, std::size_t offset) {
  return loadBig<std::uint16_t>(frame.data() + offset);
}

inline constexpr std::uint16_t kEtherIpv4 = 0x0800, kEtherIpv6 = 0x86DD, kEtherTransparent = 0x6558,
                               kEtherPpp = 0x880B, kEtherMpls = 0x8847, kEtherNsh = 0x894F;

// Each starts at its own header and goes on to IP.
LinkResult ethernetAt(Bytes frame, std::size_t offset, LinkNotes& notes);
// From an EtherType (or an 802.3 length) that stands before `offset`.
LinkResult afterEtherType(Bytes frame, std::uint16_t etherType, std::size_t offset, LinkNotes& notes);
LinkResult llcAt(Bytes frame, std::size_t offset, LinkNotes& notes);  // IEEE 802.2, SNAP
LinkResult mplsAt(Bytes frame, std::size_t offset, LinkNotes& notes);
LinkResult nshAt(Bytes frame, std::size_t offset, LinkNotes& notes);    // RFC 8300
LinkResult pppAt(Bytes frame, std::size_t offset, LinkNotes& notes);    // with or without FF 03
LinkResult pppoeAt(Bytes frame, std::size_t offset, LinkNotes& notes);  // RFC 2516, session stage
LinkResult nlpidAt(Bytes frame, std::size_t offset, LinkNotes& notes);  // ISO 9577, RFC 2427
// A frame of another link type inside: PPI, PKTAP, cooked captures of monitor interfaces.
LinkResult linktypeAt(Bytes frame, std::uint32_t number, std::size_t offset, LinkNotes& notes);

// Where the kind of content has to be guessed: an IP header whose fields do not contradict each other.
bool looksLikeIp(Bytes frame, std::size_t offset);

}  // namespace flowglyph
