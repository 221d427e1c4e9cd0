// What is kept of a live session beside its image: the columns of its row.
#pragma once

#include <cstdint>

#include "parse/protocol_set.hpp"
#include "parse/session_key.hpp"
#include "stream/tcp_stream.hpp"

namespace flowglyph {

inline constexpr std::uint32_t kNoSlot = 0xFFFFFFFF;

// The first cache line is all that a packet's look-up reads; the second is its neighbour that the processor
// fetches along.
struct alignas(128) Session {
  SessionKey key;
  std::int64_t startNs;      // of the first packet
  std::int64_t lastNs;       // the latest time seen; timestamps may go backwards
  std::uint32_t lastBlock;   // ordinal of its last packet / kBlockPackets: how long ago, in file order
  std::uint8_t tcpFlags[2];  // seen, or-ed: initiator, responder
  std::uint16_t imageFill : 10;
  std::uint16_t initiatorIsLow : 1;
  std::uint16_t tunnelDepth : 5;

  std::uint64_t bytes[2];    // IP layer, original lengths: initiator, responder
  std::uint32_t packets[2];  // records: initiator, responder
  std::uint64_t ordinal;     // of its first packet among all packets of the input: names the session
  TcpState tcp;
  std::uint32_t captureGroup : 31;
  std::uint32_t reported : 1;  // its row went out early

  static constexpr std::uint64_t kBlockPackets = 256;

  // Closed for TCP: FIN from both sides, or RST from any.
  bool reset() const { return ((tcpFlags[0] | tcpFlags[1]) & 4) != 0; }
  bool closed() const { return reset() || (tcpFlags[0] & tcpFlags[1] & 1) != 0; }

  // An ended session keeps its key for its row, and matches no packet's key any more.
  void markEnded() { key.words[4] |= std::uint64_t{1} << 63; }
  bool live() const { return (key.words[4] >> 63) == 0 && key.words[4] != 0; }
  void markFree() { key.words[4] = 0; }
};
static_assert(sizeof(Session) == 128);

// From `from` to `to`, 0 when time went backwards. Any two times: the difference may not fit a signed number.
inline std::uint64_t elapsed(std::int64_t from, std::int64_t to) {
  return to > from ? static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from) : 0;
}

}  // namespace flowglyph
