// The header walk: whatever link type, lengths and bytes a record has, the offsets of a packet are in order
// and within the captured bytes, all fields are set, and the options are kept to.
//
// Input: u16 link type, u32 original length, u16 captured length, u32 tunnels, u16 protocols, u8 ways, then
// the frame.
#include <algorithm>
#include <cstring>

#include "parse/packet.hpp"
#include "support/check.hpp"
#include "support/draw.hpp"
#include "support/exact_bytes.hpp"
#include "support/packet_check.hpp"

namespace {

using namespace flowglyph;
using namespace flowglyph::fuzz;

// The fields that parsePacket promises for a packet; what it left alone shows as a difference.
struct Parsed {
  SkipReason reason;
  Packet packet;
};

template <typename Parse>
Parsed parseOver(std::uint8_t pattern, Parse&& parse) {
  Parsed parsed;
  std::memset(static_cast<void*>(&parsed.packet), pattern, sizeof parsed.packet);
  parsed.reason = parse(parsed.packet);
  return parsed;
}

// Under a smaller snaplen a packet is of the same session or of none: unless a tunnel could not be seen.
void checkCutShort(const Record& record, const Linktype* linktype, const ParseOptions& options,
                   const Packet& whole, std::uint32_t captured) {
  Record shorter = record;
  shorter.capLength = captured;
  shorter.origLength = std::max(record.origLength, record.capLength);
  Packet packet;
  if (parsePacket(shorter, linktype, options, packet) != SkipReason::kNone) return;
  checkPacket(packet, shorter, options);
  if (packet.ipOffset == whole.ipOffset)
    FUZZ_CHECK(packet.key == whole.key && packet.fromLow == whole.fromLow);
}

// A datagram that was put together: layers and depth are those of its fragments.
void checkDatagram(const Record& record, const ParseOptions& options, std::uint8_t depth) {
  const auto parse = [&](Packet& packet) {
    packet.layers = layerBit(Layer::kFragment);
    packet.tunnelDepth = depth;
    return parseDatagram(record, options, packet);
  };
  const Parsed first = parseOver(0xA5, parse), second = parseOver(0x5A, parse);
  FUZZ_CHECK(first.reason == second.reason);
  if (first.reason != SkipReason::kNone) return;
  checkInside(first.packet, record, options);
  FUZZ_CHECK(first.packet.linktype == nullptr && first.packet.outerOffset == 0);
  FUZZ_CHECK((first.packet.layers & layerBit(Layer::kFragment)) != 0);
  FUZZ_CHECK(first.packet.tunnelDepth >= depth);
  checkSamePacket(first.packet, second.packet);
}

void checkWalk(const Record& record, const Linktype* linktype, const ParseOptions& options) {
  const auto parse = [&](Packet& packet) { return parsePacket(record, linktype, options, packet); };
  const Parsed first = parseOver(0xA5, parse), second = parseOver(0x5A, parse);
  FUZZ_CHECK(first.reason == second.reason);
  if (first.reason == SkipReason::kFragment) {
    checkFragment(first.packet, record, options);
    FUZZ_CHECK(first.packet.ipOffset == second.packet.ipOffset && first.packet.ipEnd == second.packet.ipEnd);
  } else if (first.reason == SkipReason::kNone) {
    checkPacket(first.packet, record, options);
    FUZZ_CHECK(first.packet.linktype == linktype);
    checkSamePacket(first.packet, second.packet);
    checkCutShort(record, linktype, options, first.packet, record.timeNs % (record.capLength + 1));
  } else {
    FUZZ_CHECK(first.packet.layers == second.packet.layers && first.packet.layers >> kLayers == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Draw draw({data, size});
  const std::uint16_t number = draw.u16();
  const std::uint32_t original = draw.u32();
  const std::uint16_t captured = draw.u16();
  ParseOptions options;
  options.decap = draw.u32();
  const std::uint16_t protocols = draw.u16();
  const std::uint8_t ways = draw.u8();
  const Bytes all = draw.rest();

  // Bit 0 of the ways: fragments given back. 1: captured as drawn. 2: original as drawn. 3: protocols too.
  // 4: any number as link type, not one of those that there are. 5: a datagram. 6 and 7: alignment.
  const ExactBytes frame(
      all.first((ways & 2) != 0 ? std::min<std::size_t>(captured, all.size()) : all.size()), ways >> 6);
  Record record{};
  record.timeNs = captured;
  record.data = frame.data();
  record.capLength = frame.size();
  record.origLength = (ways & 4) != 0 ? original : static_cast<std::uint32_t>(all.size());
  record.linktype = number;
  options.defragment = (ways & 1) != 0;

  if ((ways & 8) != 0)
    options.protocols = {static_cast<std::uint8_t>(protocols), static_cast<std::uint8_t>(protocols >> 8)};
  if ((ways & 0x20) != 0) {
    record.linktype = 0;
    checkDatagram(record, options, static_cast<std::uint8_t>(number % (kMaxTunnelDepth + 1)));
    return 0;
  }
  const auto rows = allLinktypes();
  const Linktype* linktype = (ways & 0x10) != 0 || findLinktype(number) != nullptr
                                 ? findLinktype(number)
                                 : &rows[number % rows.size()];
  checkWalk(record, linktype, options);
  return 0;
}
