// A parsed view into a record: where IP, transport and payload are, and whose session it is. It owns nothing.
#pragma once

#include <cstdint>

#include "input/record.hpp"
#include "options.hpp"
#include "parse/layer.hpp"
#include "parse/linktype.hpp"
#include "parse/session_key.hpp"
#include "parse/skip_reason.hpp"

namespace flowglyph {

inline constexpr std::uint8_t kTcpFin = 1, kTcpSyn = 2, kTcpRst = 4, kTcpAck = 16;

// Two cache lines: with several threads one parses it and another one reads it.
struct alignas(64) Packet {
  Record record;
  const Linktype*
      linktype;  // null for a datagram that was put together of fragments: record.data is its IP header
  // Offsets from record.data; each end is within the captured bytes. IP is the innermost that was reached.
  std::uint32_t ipOffset;
  std::uint32_t ipEnd;            // of the IP packet: the link layer's trailer is behind it
  std::uint32_t transportOffset;  // behind the IP header, its options and extension headers
  std::uint32_t payloadOffset;
  std::uint32_t payloadEnd;
  std::uint32_t ipBytes;  // length of the IP packet on the wire; of all fragments
  std::uint32_t
      payloadBytes;        // length of the transport payload on the wire: more than captured under a snaplen
  std::uint32_t sequence;  // TCP sequence number
  std::uint32_t records;   // 1, or how many fragments it was put together of
  std::uint32_t outerOffset;  // of the outermost IP header; == ipOffset where no tunnel was removed
  LayerSet layers;            // filled also where the packet is skipped
  std::uint8_t tcpFlags;
  std::uint8_t tunnelDepth;  // outer headers removed
  bool plainIp;              // no IPv4 options, no IPv6 extension headers
  bool fromLow;              // sent by the key's low endpoint
  SessionKey key;

  std::uint8_t ipVersion() const { return key.ipVersion(); }
  std::uint8_t protocol() const { return key.protocol(); }
};
static_assert(sizeof(Packet) == 128);

struct ParseOptions {
  TunnelSet decap = kAllTunnels;
  ProtocolSet protocols = {kTcp, kUdp};
  // Give fragments back as such. Without it a first fragment is a packet, as far as it goes, and the others
  // are skipped.
  bool defragment = false;
};

// Fills `packet` from `record`, or says why not. `linktype` is the record's row, null when there is none.
// SkipReason::kFragment (only with options.defragment): a fragment of an IP datagram, whose header is at
// packet.ipOffset and whose captured bytes end at packet.ipEnd; record, linktype, layers, tunnelDepth and
// outerOffset are filled, the rest is not.
SkipReason parsePacket(const Record& record, const Linktype* linktype, const ParseOptions& options,
                       Packet& packet);

// The same from an IP header on, for a datagram that was put together: record.data points to it, offset 0.
// `packet` holds `layers`, `tunnelDepth` of the fragments.
SkipReason parseDatagram(const Record& record, const ParseOptions& options, Packet& packet);

}  // namespace flowglyph
