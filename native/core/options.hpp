// What a caller asks of core, and the vocabulary of views and masks (names as in the command line).
#pragma once

#include <cstddef>
#include <cstdint>

namespace flowglyph {

inline constexpr std::size_t kImageBytes = 784;  // 28 x 28

// Which bytes of a session become its image.
enum class View : std::uint8_t {
  kPcap,  // the bytes of the pcap file that a per-session splitter would write
  kL3,    // IP packets one after the other
  kL7,    // transport payloads
};

// Which fields of those bytes are zeroed.
enum class Mask : std::uint8_t {
  kNone,
  kIdentity,  // addresses, ports, IP id, checksums, seq/ack, TCP timestamps, flow label; pcap: headers, MACs
  kStack,     // identity, and TTL / hop limit, TCP window, TCP options, IP flags
};

struct ExtractOptions {
  View view = View::kL3;
  Mask mask = Mask::kIdentity;
  std::uint64_t idleTimeoutNs = 120'000'000'000;      // 0 = unlimited; capture time
  std::uint64_t activeTimeoutNs = 1'800'000'000'000;  // 0 = unlimited; capture time
  std::size_t memoryBytes = std::size_t{512} << 20;   // hard cap on live sessions; the oldest go out first
};

}  // namespace flowglyph
