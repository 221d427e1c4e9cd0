// What a caller asks of core, and the vocabulary of views, masks and orders (names as in the command line).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "parse/protocol_set.hpp"
#include "parse/tunnel.hpp"

namespace flowglyph {

class PushedBytes;  // input/pushed_source.hpp

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

// In which order TCP payload goes into an image of view l7. The other views hold packets, as captured.
enum class Order : std::uint8_t {
  kStream,   // by sequence number, each byte once
  kCapture,  // as captured: what the published image sets hold
};

// Reading is faster on small packets, mapping a little on full-size ones: bench/results/inputs.md.
enum class InputMethod : std::uint8_t { kRead, kMap };

inline constexpr std::size_t kMaxSequence = 1024;

struct ExtractOptions {
  View view = View::kL3;
  Mask mask = Mask::kIdentity;
  Order order = Order::kStream;
  std::uint64_t idleTimeoutNs = 120'000'000'000;      // 0 = unlimited; capture time
  std::uint64_t activeTimeoutNs = 1'800'000'000'000;  // 0 = unlimited; capture time
  // A TCP session that is closed, by FIN both ways or by RST, ends after this long without a packet, or at a
  // new SYN. 0: closing ends nothing. Without an idle timeout closing ends nothing either.
  std::uint64_t closeTimeoutNs = 5'000'000'000;
  std::size_t memoryBytes = std::size_t{512} << 20;  // hard cap on live sessions and what waits for them
  unsigned threads = 1;                              // the output does not depend on it
  TunnelSet decap = kAllTunnels;                     // outer headers to remove, outermost first
  ProtocolSet protocols = {kTcp, kUdp};              // what becomes sessions
  std::size_t sequence =
      0;  // of so many first packets lengths, directions and gaps in time are kept; <= kMaxSequence
  bool merge = false;   // all inputs as one stream, by time; otherwise each on its own, one after the other
  bool follow = false;  // regular files may still be growing: their end is where finish() is called
  InputMethod inputMethod = InputMethod::kRead;
  // A session's row comes out as soon as its image is full, or earlyPackets (0: no such number) of its
  // packets are there. The session goes on, so that what follows starts no other, and has no second row.
  bool early = false;
  std::uint32_t earlyPackets = 0;
  // The input is what is put in here; the one path is its name in messages.
  std::shared_ptr<PushedBytes> pushed;
};

}  // namespace flowglyph
