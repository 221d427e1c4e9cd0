// A capture of 64-byte Ethernet frames from many sessions at once, the hardest load for a session table: no
// locality, and as much work per byte as there can be. The same seed gives the same file.
#pragma once

#include <cstdint>
#include <string>

namespace flowglyph::bench {

struct SmallPacketOptions {
  std::uint64_t packets = 4'000'000;
  std::uint32_t liveSessions =
      100'000;  // at any time; each ends after a random number of packets and another takes its place
  std::uint32_t meanPackets = 16;  // of a session
  std::uint64_t seed = 1;
};

void writeSmallPacketCapture(const std::string& path, const SmallPacketOptions& options);

}  // namespace flowglyph::bench
