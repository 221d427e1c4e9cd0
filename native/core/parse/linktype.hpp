// Link types: where the IP packet starts in a frame. To add one: a function and a row in a file of link/.
// Numbers: https://www.tcpdump.org/linktypes.html
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "bytes.hpp"
#include "parse/link_walk.hpp"

namespace flowglyph {

inline constexpr std::uint8_t kVaries = 0xFF;

struct Linktype {
  std::uint16_t number;
  std::string_view name;
  // Where IP starts in a frame of this type that begins at `offset`.
  LinkResult (*findIp)(Bytes frame, std::size_t offset, LinkNotes& notes);
  // Where IP starts in its plainest frame, without tags, if all frames like that hide the same bytes: a mask
  // can then keep its pattern. kVaries: it differs from frame to frame.
  std::uint8_t plainOffset = kVaries;
};

// Null when there is no row. The pointer is good for the life of the process.
const Linktype* findLinktype(std::uint16_t number);
std::span<const Linktype> allLinktypes();

// The tables, by family.
std::span<const Linktype> ethernetLinktypes();
std::span<const Linktype> hostLinktypes();      // raw IP, loopbacks, cooked captures, packet logs
std::span<const Linktype> serialLinktypes();    // PPP, HDLC, Frame Relay, SLIP
std::span<const Linktype> wirelessLinktypes();  // 802.11
std::span<const Linktype> rareLinktypes();      // rings, ARCnet, ATM, InfiniBand, ...
std::span<const Linktype> foreignLinktypes();   // known to hold no IP

}  // namespace flowglyph
