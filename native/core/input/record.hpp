// A capture-file record: a view into the input's memory.
#pragma once

#include <cstdint>

#include "bytes.hpp"

namespace flowglyph {

// Marks a record whose interface was never described. 0xFFFF is not an assigned link type.
inline constexpr std::uint16_t kNoLinktype = 0xFFFF;

struct Record {
  std::int64_t timeNs;  // since the epoch, capture time
  const std::uint8_t* data;
  std::uint32_t capLength;   // bytes at `data`
  std::uint32_t origLength;  // bytes on the wire
  std::uint16_t linktype;
  std::uint32_t captureGroup;  // index of the capture file in the order given
};

}  // namespace flowglyph
