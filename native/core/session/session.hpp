// What is kept of a live session: the columns of its row, and how far its image is filled.
#pragma once

#include <cstdint>

#include "parse/session_key.hpp"

namespace flowglyph {

inline constexpr std::uint32_t kNoSlot = 0xFFFFFFFF;

// The first cache line is all that a packet's look-up reads; the second is its neighbour that the processor
// fetches along.
struct alignas(128) Session {
  SessionKey key;
  std::int64_t startNs;  // of the first packet
  std::int64_t lastNs;   // the latest time seen; timestamps may go backwards
  std::uint32_t hash;
  std::uint16_t imageFill;
  bool initiatorIsLow;

  std::uint64_t bytes[2];    // IP layer, original lengths: initiator, responder
  std::uint32_t packets[2];  // initiator, responder
  std::uint64_t ordinal;     // counts the sessions of a file in order of their first packets
};
static_assert(sizeof(Session) == 128);

}  // namespace flowglyph
