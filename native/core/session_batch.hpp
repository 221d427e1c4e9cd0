// A batch of ended sessions: images and columns in one allocation, so that it crosses to JavaScript once,
// without a copy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "options.hpp"

namespace flowglyph {

// Why a session ended. Values are stable: they are written to datasets.
enum class EndReason : std::uint8_t { kEndOfInput = 0, kIdleTimeout = 1, kActiveTimeout = 2, kEvicted = 3 };

// Byte offsets of each column for a batch of `capacity` rows; every column starts on a multiple of 64 bytes.
//   images            u8  [capacity, 784]
//   startNs, endNs    i64 [capacity]        nanoseconds since the epoch, capture time
//   initiatorBytes, responderBytes    u64   [capacity]  IP-layer bytes (original lengths) each way
//   initiatorPackets, responderPackets u32  [capacity]
//   captureGroup      u32 [capacity]        index of the capture file in the order given
//   initiatorAddress, responderAddress u8 [capacity, 16]  IPv4: first 4 bytes, rest zero
//   initiatorPort, responderPort u16 [capacity]
//   imageBytes        u16 [capacity]        bytes of the image that the session filled, 0 (view l7 without
//   payload) to 784 ipVersion u8 (4 or 6), protocol u8 (6 TCP, 17 UDP), endReason u8 [capacity]
struct BatchLayout {
  explicit BatchLayout(std::size_t capacity);
  std::size_t capacity;
  std::size_t images, startNs, endNs, initiatorBytes, responderBytes, initiatorPackets, responderPackets,
      captureGroup, initiatorAddress, responderAddress, initiatorPort, responderPort, imageBytes, ipVersion,
      protocol, endReason;
  std::size_t totalBytes;
};

}  // namespace flowglyph
