// A parsed view into a record: where IP, transport and payload are, and whose session it is. It owns nothing.
#pragma once

#include <cstdint>

#include "linktype.hpp"
#include "record.hpp"
#include "session_key.hpp"
#include "skip_reason.hpp"

namespace flowglyph {

inline constexpr std::uint8_t kTcp = 6, kUdp = 17;

struct Packet {
  Record record;
  const Linktype* linktype;
  // Offsets from record.data; each end is within the captured bytes.
  std::uint32_t ipOffset;
  std::uint32_t ipEnd;            // of the IP packet: the link layer's trailer is behind it
  std::uint32_t transportOffset;  // behind the IP header, its options and extension headers
  std::uint32_t payloadOffset;
  std::uint32_t payloadEnd;
  std::uint32_t ipBytes;  // length of the IP packet on the wire
  bool plainIp;           // no IPv4 options, no IPv6 extension headers
  bool fromLow;           // sent by the key's low endpoint
  SessionKey key;
  // Filled by the session table.
  std::uint64_t hash;
  std::uint32_t likelySlot;  // where its session probably is, for prefetching alone

  std::uint8_t ipVersion() const { return key.ipVersion(); }
  std::uint8_t protocol() const { return key.protocol(); }
};

// Fills `packet` from `record`, or says why not. `linktype` is the record's row, null when there is none.
SkipReason parsePacket(const Record& record, const Linktype* linktype, Packet& packet);

}  // namespace flowglyph
