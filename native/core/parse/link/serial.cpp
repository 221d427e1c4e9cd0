// Serial lines: PPP, Cisco HDLC, Frame Relay (RFC 2427, Q.922, FRF.16), SLIP, and what a router's capture
// puts before them.
#include "parse/linktype.hpp"

namespace flowglyph {
namespace {

// u8 address (0F unicast, 8F broadcast), u8 control, u16 EtherType; or OSI behind FE FE 03
LinkResult ciscoHdlcAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 4)) return skip(SkipReason::kTruncatedHeader);
  const std::uint16_t type = big16(frame, offset + 2);
  if (type < 0x0600) return skip(SkipReason::kNotIp);
  return afterEtherType(frame, type, offset + 4, notes);
}

bool isCiscoHdlc(Bytes frame, std::size_t offset) {
  return holds(frame, offset, 2) && (frame[offset] == 0x0F || frame[offset] == 0x8F) &&
         frame[offset + 1] == 0;
}

// Captures of PPP interfaces hold Cisco HDLC too: the address byte tells.
LinkResult pppOrHdlcAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  return isCiscoHdlc(frame, offset) ? ciscoHdlcAt(frame, offset, notes) : pppAt(frame, offset, notes);
}

// u8 direction (0 = received) stands before the frame.
template <LinkResult (*kFrame)(Bytes, std::size_t, LinkNotes&)>
LinkResult afterDirection(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 1)) return skip(SkipReason::kTruncatedHeader);
  return kFrame(frame, offset + 1, notes);
}

// pppd writes the direction in place of the address byte: u8 direction, u8 control, u16 protocol.
LinkResult pppdAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 2)) return skip(SkipReason::kTruncatedHeader);
  if (frame[offset] <= 1 && frame[offset + 1] == 0x03) return pppAt(frame, offset + 2, notes);
  return pppAt(frame, offset, notes);
}

// Q.922 address of 2 to 4 bytes, the last bit of each says whether it is the last one; then 03, [00], an
// identifier of ISO 9577 (RFC 2427), or an EtherType (Cisco).
LinkResult frameRelayAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  std::size_t at = offset;
  do {
    if (!holds(frame, at, 1)) return skip(SkipReason::kTruncatedHeader);
    if (at - offset == 4) return skip(SkipReason::kNotIp);
  } while ((frame[at++] & 1) == 0);
  if (at - offset < 2) return skip(SkipReason::kNotIp);
  notes.hide(offset, at - offset);
  if (!holds(frame, at, 2)) return skip(SkipReason::kTruncatedHeader);
  if (frame[at] != 0x03) {
    const std::uint16_t type = big16(frame, at);
    return type >= 0x0600 ? afterEtherType(frame, type, at + 2, notes) : skip(SkipReason::kNotIp);
  }
  ++at;
  if (frame[at] == 0x00) ++at;  // makes the identifier's place even
  return nlpidAt(frame, at, notes);
}

// FRF.16: u1 begins, u1 ends, u1 control, u4 sequence, u1 1, u8 sequence; then Frame Relay
LinkResult multilinkFrameRelayAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 2)) return skip(SkipReason::kTruncatedHeader);
  const std::uint8_t flags = frame[offset];
  if ((flags & 0x20) != 0) return skip(SkipReason::kNotIp);
  if ((flags & 0xC0) != 0xC0) return skip(SkipReason::kLinkFragment);
  notes.hide(offset, 1, 0xE1);
  notes.hide(offset + 1, 1);
  return frameRelayAt(frame, offset + 2, notes);
}

// BSD: u8 direction, 15 compressed header as it was on the line, then the packet with whole headers
LinkResult slipAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 17)) return skip(SkipReason::kTruncatedHeader);
  const unsigned version = frame[offset + 16] >> 4;
  if (version != 4 && version != 6) return skip(SkipReason::kNotIp);
  notes.hide(offset + 1, 15);
  return ipAt(frame, offset + 16);
}

// Juniper: "MGC", u8 flags, [u16 length, extensions]; then the frame, or with flag 2 u32 family and IP
template <LinkResult (*kFrame)(Bytes, std::size_t, LinkNotes&)>
LinkResult juniperAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  constexpr std::uint8_t kNoLinkLayer = 0x02, kExtensions = 0x80;
  if (!holds(frame, offset, 6)) return skip(SkipReason::kTruncatedHeader);
  if ((loadBig<std::uint32_t>(frame.data() + offset) >> 8) != 0x4D4743) return skip(SkipReason::kNotIp);
  const std::uint8_t flags = frame[offset + 3];
  std::size_t at = offset + 4;
  if ((flags & kExtensions) != 0) at += std::size_t{2} + big16(frame, at);
  notes.hide(offset + 4, at - (offset + 4));
  if ((flags & kNoLinkLayer) == 0) return kFrame(frame, at, notes);
  if (!holds(frame, at, 5)) return skip(SkipReason::kTruncatedHeader);
  return looksLikeIp(frame, at + 4) ? ipAt(frame, at + 4) : skip(SkipReason::kNotIp);
}

constexpr Linktype kRows[] = {
    {8, "SLIP", slipAt},
    {9, "PPP", pppOrHdlcAt},
    {50, "PPP_HDLC", pppOrHdlcAt},
    {51, "PPP_ETHER", pppoeAt},
    {104, "C_HDLC", ciscoHdlcAt},
    {107, "FRELAY", frameRelayAt},
    {166, "PPP_PPPD", pppdAt},
    {178, "JUNIPER_ETHER", juniperAt<ethernetAt>},
    {179, "JUNIPER_PPP", juniperAt<pppAt>},
    {180, "JUNIPER_FRELAY", juniperAt<frameRelayAt>},
    {181, "JUNIPER_CHDLC", juniperAt<ciscoHdlcAt>},
    {182, "MFR", multilinkFrameRelayAt},
    {204, "PPP_WITH_DIR", afterDirection<pppOrHdlcAt>},
    {205, "C_HDLC_WITH_DIR", afterDirection<ciscoHdlcAt>},
    {206, "FRELAY_WITH_DIR", afterDirection<frameRelayAt>},
};

}  // namespace

std::span<const Linktype> serialLinktypes() { return kRows; }

}  // namespace flowglyph
