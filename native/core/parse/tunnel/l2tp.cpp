// L2TP version 2 (RFC 2661) and 3 (RFC 3931). Version 3 does not say what is inside, nor how long its cookie
// is: that was agreed when the session was set up. So the few forms in use are tried.
#include "parse/tunnel/tunnel_decoders.hpp"

namespace flowglyph {
namespace {

constexpr std::uint16_t kControl = 0x8000, kLength = 0x4000, kNumbers = 0x0800, kOffset = 0x0200;

// `offset`: behind the session id. [4 or 8 cookie], [u32 sublayer], then Ethernet, PPP with FF 03, or IP
std::optional<TunnelInside> guessInside(Bytes packet, std::size_t offset) {
  for (const std::size_t skipped : {0u, 4u, 8u, 12u}) {
    const std::size_t at = offset + skipped;
    for (const auto walk : {ethernetAt, pppAt}) {
      if (walk == pppAt && (!holds(packet, at, 2) || big16(packet, at) != 0xFF03)) continue;
      LinkNotes notes;
      const LinkResult inner = walk(packet, at, notes);
      if (inner.reason != SkipReason::kNone || !looksLikeIp(packet, inner.ipOffset)) continue;
      // Ethernet says which version: its EtherType stands right before.
      if (walk == ethernetAt && (notes.layers & layerBit(Layer::kLlcSnap)) == 0 &&
          (packet[inner.ipOffset] >> 4 == 4) != (big16(packet, inner.ipOffset - 2) == kEtherIpv4))
        continue;
      auto found = insideAt(Tunnel::kL2tp, inner, notes);
      found->guessed = true;
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace

// Version 2: u16 flags, [u16 length], u16 tunnel, u16 session, [u16 + u16 numbers], [u16 offset, padding];
// then PPP. Version 3: u16 flags, u16 reserved, u32 session, ...
std::optional<TunnelInside> l2tpUdpInside(Bytes packet, std::size_t offset, TunnelSet) {
  if (!holds(packet, offset, 8)) return std::nullopt;
  const std::uint16_t flags = big16(packet, offset);
  if ((flags & kControl) != 0) return std::nullopt;
  if ((flags & 0x0F) == 3) return guessInside(packet, offset + 8);
  if ((flags & 0x0F) != 2) return std::nullopt;
  std::size_t at = offset + 6;
  if ((flags & kLength) != 0) at += 2;
  if ((flags & kNumbers) != 0) at += 4;
  if ((flags & kOffset) != 0) {
    if (!holds(packet, at, 2)) return std::nullopt;
    at += std::size_t{2} + big16(packet, at);
  }
  LinkNotes notes;
  return insideAt(Tunnel::kL2tp, pppAt(packet, at, notes), notes);
}

// u32 session (0: control), ...
std::optional<TunnelInside> l2tpIpInside(Bytes packet, std::size_t offset, TunnelSet) {
  if (!holds(packet, offset, 4) || loadBig<std::uint32_t>(packet.data() + offset) == 0) return std::nullopt;
  return guessInside(packet, offset + 4);
}

}  // namespace flowglyph
