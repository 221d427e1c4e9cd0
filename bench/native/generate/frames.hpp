// Ethernet frames of TCP and UDP over IPv4 and IPv6 with valid lengths and checksums, fast enough to write
// gigabytes: payloads are slices of a pool of random bytes whose sums are known beforehand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flowglyph::bench {

inline constexpr std::size_t kMaxFrameBytes = 1514, kMinFrameBytes = 60;  // without the frame check sequence

struct Endpoints {
  bool ipv6;
  std::uint8_t protocol;  // 6 or 17
  // [0] client, [1] server. IPv4: the first 4 bytes.
  std::array<std::array<std::uint8_t, 16>, 2> address;
  std::array<std::uint16_t, 2> port;
};

struct Segment {
  unsigned direction;  // who sends: 0 client, 1 server
  std::uint16_t ipId;
  std::uint8_t hopLimit;
  std::uint8_t tcpFlags;
  std::uint16_t window;
  std::uint32_t sequence, acknowledgement;
  bool timestamps;  // the TCP option, 12 bytes with its padding; in a SYN 20 bytes of the usual options
  std::uint32_t timestampValue, timestampEcho;
  // Its bytes: `prefix` (even length), then the pool from a place that `payloadSeed` says. A retransmission
  // with the same seed has the same bytes.
  std::uint32_t payloadBytes, payloadSeed;
  std::array<std::uint8_t, 46> prefix;
  std::uint32_t prefixBytes;
};

class FrameWriter {
 public:
  explicit FrameWriter(std::uint64_t seed);
  // `to` has kMaxFrameBytes. Returns the frame's length; short ones are padded to kMinFrameBytes, as a
  // network card does.
  std::size_t write(std::uint8_t* to, const Endpoints& ends, const Segment& segment) const;
  static std::size_t headerBytes(const Endpoints& ends, const Segment& segment);

 private:
  std::vector<std::uint8_t> pool_;
  std::vector<std::uint64_t> sums_;  // of the 16-bit words before each even offset
};

}  // namespace flowglyph::bench
