// What an IP header says of a fragment: whose it is, and which bytes of the datagram it holds.
#pragma once

#include <cstdint>

#include "parse/packet.hpp"

namespace flowglyph {

struct Fragment {
  // The datagram's identity in the shape of a session's key, so that both share a hash.
  //   words[0..1]  source, words[2..3]  destination
  //   words[4]     identification | protocol (IPv4) << 32 | IP version << 40 | tunnel depth << 48
  SessionKey key;
  const std::uint8_t* ip;      // the header, all of it captured
  std::uint32_t headerBytes;   // up to the fragment's data; IPv6: fragment header included
  std::uint32_t fixedBytes;    // of these, what the length field of the whole datagram counts
  std::uint32_t nextHeaderAt;  // IPv6: where the header before names the fragment header
  std::uint32_t offset;        // of its data in the datagram
  std::uint32_t length;        // of its data on the wire
  std::uint32_t captured;      // of its data
  std::uint32_t ipBytes;       // IP packet on the wire
  bool more;                   // not the last

  std::uint64_t end() const { return std::uint64_t{offset} + length; }
  std::uint8_t ipVersion() const { return key.ipVersion(); }
};

// The length fields of both IP versions have 16 bits.
inline constexpr std::uint32_t kMaxDatagramBytes = 65535;

// Reads `packet`, for which parsePacket said kFragment. False: that cannot be, there is no fragment header
// within the captured bytes.
bool readFragment(const Packet& packet, Fragment& fragment);

}  // namespace flowglyph
