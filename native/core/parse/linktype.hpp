// Link types: where the IP packet starts in a frame. To add one: a function and a row in linktype.cpp.
// Numbers: https://www.tcpdump.org/linktypes.html
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "bytes.hpp"
#include "parse/skip_reason.hpp"

namespace flowglyph {

struct LinkResult {
  SkipReason reason;       // kNone: an IP packet starts at `ipOffset`
  std::uint32_t ipOffset;  // < frame length
};

struct ByteRange {
  std::uint16_t offset, length;
};

struct Linktype {
  std::uint16_t number;
  std::string_view name;
  LinkResult (*findIp)(Bytes frame);
  std::span<const ByteRange> hardwareAddresses;  // what mask `identity` zeroes in view `pcap`
};

// Null when there is no row. The pointer is good for the life of the process.
const Linktype* findLinktype(std::uint16_t number);
std::span<const Linktype> allLinktypes();

}  // namespace flowglyph
