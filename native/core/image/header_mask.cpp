// From a packet to its pattern: link layer and tunnels here, IP and transport in protocol_mask.hpp.
#include "image/header_mask.hpp"

#include <algorithm>
#include <cstring>

#include "image/protocol_mask.hpp"

namespace flowglyph {
namespace {

// Everything that may stand between a frame's first byte and IP, but for VLAN tags.
constexpr LayerSet kLinkLayers = layerBit(Layer::kMpls) | layerBit(Layer::kPseudowire) |
                                 layerBit(Layer::kPppoe) | layerBit(Layer::kPpp) | layerBit(Layer::kLlcSnap);

// Whether what is hidden of the link layer follows from the link type and from where IP starts. With a bit
// for VLAN tags, 4 bytes more can only be one tag, and 8 two.
bool plainLink(const Packet& packet) {
  if (packet.linktype == nullptr || packet.linktype->plainOffset == kVaries || packet.tunnelDepth != 0 ||
      (packet.layers & kLinkLayers) != 0)
    return false;
  const std::uint32_t more = packet.ipOffset - packet.linktype->plainOffset;
  return (packet.layers & layerBit(Layer::kVlan)) != 0 ? more == 4 || more == 8 : more == 0;
}

// The link layer's own walk says what to hide, up to `end`; where that is more than can be noted, all of it.
void maskLink(MaskPattern& pattern, Mask mask, Bytes frame, const Linktype& linktype, std::size_t end) {
  IdentityRanges ranges;
  LinkNotes notes;
  notes.identity = &ranges;
  linktype.findIp(frame, 0, notes);
  for (const IdentityRange& range : ranges.ranges()) {
    if ((range.stackOnly && mask != Mask::kStack) || range.offset >= end) continue;
    if (range.keep != 0) {
      pattern.keepBits(range.offset, range.keep);
    } else {
      pattern.zero(range.offset, std::min<std::size_t>(range.length, end - range.offset));
    }
  }
  if (ranges.overflowed() && ranges.ranges().back().offset < end) pattern.zero(0, end);
}

// Of tunnels everything is hidden, from the outermost IP header to the innermost: addresses, ports, keys and
// the networks' numbers all say where, not what.
void maskOutside(MaskPattern& pattern, Mask mask, const Packet& packet) {
  if (packet.linktype != nullptr)
    maskLink(pattern, mask, {packet.record.data, packet.record.capLength}, *packet.linktype,
             packet.outerOffset);
  pattern.zero(packet.outerOffset, packet.ipOffset - packet.outerOffset);
}

}  // namespace

HeaderMask::HeaderMask(View view, Mask mask) : view_(view), mask_(view == View::kL7 ? Mask::kNone : mask) {}

HeaderPattern HeaderMask::fresh(const Packet& packet, std::uint64_t shape) {
  const std::size_t length = build(packet, built_.data());
  if (shape == 0) return {built_.data(), length};
  Kept& kept = kept_[placeOf(shape)];
  std::memcpy(kept.bytes.data(), built_.data(), kKeptBytes);
  kept.length = length;
  kept.shape = shape;
  return {kept.bytes.data(), length};
}

HeaderPattern HeaderMask::patternOfLink(Bytes frame, const Linktype& linktype, std::size_t shown) {
  MaskPattern pattern(built_.data());
  if (mask_ != Mask::kNone) maskLink(pattern, mask_, frame, linktype, shown);
  return {built_.data(), pattern.end()};
}

std::uint64_t HeaderMask::linkShape(const Packet& packet) {
  if (packet.ipOffset > 64 || !plainLink(packet)) return 0;
  return std::uint64_t{packet.ipOffset} << 8 | std::uint64_t{packet.linktype->number} << 32;
}

std::size_t HeaderMask::build(const Packet& packet, std::uint8_t* bytes) const {
  MaskPattern pattern(bytes);
  const std::uint8_t* frame = packet.record.data;
  const std::size_t start = view_ == View::kPcap ? 0 : packet.ipOffset;
  if (view_ == View::kPcap) maskOutside(pattern, mask_, packet);

  const Bytes ip(frame + packet.ipOffset, packet.ipEnd - packet.ipOffset);
  const std::size_t ipBase = packet.ipOffset - start, headers = packet.transportOffset - packet.ipOffset;
  if (packet.ipVersion() == 4) {
    maskIpv4(pattern, mask_, ip, ipBase, headers);
  } else {
    maskIpv6(pattern, mask_, ip, ipBase, packet.protocol() == kAh);
  }
  maskTransport(pattern, mask_, packet.protocol(), ip.subspan(headers), ipBase + headers);
  return pattern.end();
}

}  // namespace flowglyph
