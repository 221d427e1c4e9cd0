// The slow truth of TcpStreams: every sequence number that was ever seen in a map, without a bound on what
// waits, one rule after the other as stream/tcp_stream.hpp states them. And the segments themselves.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "frames.hpp"
#include "parse/packet.hpp"

namespace flowglyph::test {

struct TcpSegment {
  unsigned direction = 0;
  std::uint32_t sequence = 0;
  ByteVector payload = {};
  std::uint8_t flags = kTcpAck;
  std::uint32_t acknowledgement = 0;
  std::uint32_t cutOff = 0;  // bytes of the payload on the wire that the snaplen kept from being captured
};

// As the parser hands it over.
struct TcpPacket {
  explicit TcpPacket(const TcpSegment& segment);
  ByteVector frame;
  Packet packet{};
};

struct TwinTcpCounts {
  std::uint32_t retransmissions = 0, outOfOrder = 0, gaps = 0, gapBytes = 0;
  bool operator==(const TwinTcpCounts&) const = default;
};

class TwinTcp {
 public:
  void add(const TcpSegment& segment);
  void finish();

  TwinTcpCounts counts;
  ByteVector stream;  // of both directions; the image is its front

 private:
  // Numbers are counted without wrapping, from 2^40 on.
  struct Direction {
    bool begun = false;
    std::int64_t due = 0, seen = 0, imageNext = 0;
    std::uint32_t dueNumber = 0;
    std::map<std::int64_t, std::optional<std::uint8_t>> numbers;  // from `due` on
    int waitingSince = 0;                                         // 0: no hole
  };

  std::optional<std::int64_t> place(const Direction& d, std::uint32_t number) const;
  std::vector<std::pair<std::int64_t, std::int64_t>> holes(const Direction& d) const;
  void drain(Direction& d);
  void giveUpFirst(Direction& d);
  void restart(Direction& d, std::uint32_t sequence);
  void settle(Direction& d);

  std::array<Direction, 2> directions_;
  std::array<std::uint8_t, 2> flags_{};
  int holesOpened_ = 0;
};

}  // namespace flowglyph::test
