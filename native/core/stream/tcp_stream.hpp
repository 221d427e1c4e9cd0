// TCP sequence numbers of a session (RFC 9293): what is new in a segment, what is repeated, what is missing;
// and with Order::kStream its payload in sequence order into the image. Bounded: an image holds 784 bytes, so
// no more than that is ever kept of a session's segments that came too early, and a fixed number of holes is
// followed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "options.hpp"
#include "parse/packet.hpp"

namespace flowglyph {

inline constexpr std::uint32_t kNoStash = 0xFFFFFFFF;

// Kept in each session. 28 bytes.
struct TcpState {
  std::uint32_t next[2];          // the sequence number that is due: initiator's, responder's
  std::uint32_t retransmissions;  // segments without a new byte
  std::uint32_t outOfOrder;       // segments that came after one with later bytes
  std::uint32_t gaps;             // holes given up
  std::uint32_t gapBytes;         // in them; at most 2^32 - 1
  std::uint32_t stash;            // what waits for a hole to be filled, kNoStash mostly
};

// One for each shard of sessions. What it does to a session depends on that session's packets alone.
class TcpStreams {
 public:
  TcpStreams(Order order, View view);

  static TcpState fresh() { return {{0, 0}, 0, 0, 0, 0, kNoStash}; }

  // `flagsBefore`: the flags seen so far in this direction (0: this is the first packet of it). Appends what
  // is in order now to the image (view l7 and Order::kStream; otherwise the image is not touched) and returns
  // its new fill.
  std::size_t add(TcpState& state, const Packet& packet, unsigned direction, std::uint8_t flagsBefore,
                  std::uint8_t* image, std::size_t fill);
  // The session ends: holes are given up, what waited behind them is appended. Frees the stash.
  std::size_t finish(TcpState& state, std::uint8_t* image, std::size_t fill);

  // Bytes of all stashes: counted against the cap, which ends sessions where it is passed.
  std::size_t memoryUsed() const;

 private:
  bool stream_;
};

}  // namespace flowglyph
