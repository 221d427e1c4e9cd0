// Puts IPv4 and IPv6 fragments together (RFC 791, 815, 8200 section 4.5), with bounded memory and time.
//
// Overlaps: an exact repetition of bytes that are there is ignored and counted; a fragment that overlaps
// otherwise spoils its datagram (RFC 5722, and Linux for IPv4 since CVE-2018-5391): nothing of it but its
// first fragment is believed. A datagram that is given up (spoiled, too old, the oldest when memory runs out,
// end of input) comes out as its first fragment alone, as it was captured, where that was seen: its ports
// make a session. Its other records are skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "parse/packet.hpp"

namespace flowglyph {

// What comes out: a whole datagram, or the first fragment of one that was given up.
struct Datagram {
  std::unique_ptr<std::uint8_t[]>
      bytes;  // from the IP header on: that of the first fragment, made to fit the whole
  std::uint32_t length;
  Record record;  // time, capture group and link type of the record that completed it; data is `bytes`
  std::uint32_t records;    // how many fragments it was put together of
  std::uint32_t wireBytes;  // their IP packets' lengths, summed
  LayerSet layers;
  std::uint8_t tunnelDepth;
  bool whole;
};

struct FragmentTotals {
  std::uint64_t datagrams = 0;    // put together
  std::uint64_t incomplete = 0;   // given up: too old, or end of input
  std::uint64_t evicted = 0;      // given up for want of memory
  std::uint64_t overlapping = 0;  // given up as spoiled
  std::uint64_t duplicates = 0;   // fragments that repeated what was there
};

class Defragmenter {
 public:
  // Timeouts are capture time, from the first fragment to come (RFC 8200: 60 s; Linux: 30 s for IPv4).
  Defragmenter(std::size_t memoryBytes, std::uint64_t timeoutNs);
  ~Defragmenter();
  Defragmenter(const Defragmenter&) = delete;
  Defragmenter& operator=(const Defragmenter&) = delete;

  // Takes a packet for which parsePacket said kFragment; its bytes are copied. Appends to `out` what is done
  // by it, and to `skipped` the number of records that will be in no packet: they go by kFragmentTail.
  void add(const Packet& fragment, std::vector<Datagram>& out, std::uint64_t& skipped);
  // End of the input: gives up all.
  void flush(std::vector<Datagram>& out, std::uint64_t& skipped);

  const FragmentTotals& totals() const;
  std::size_t memoryUsed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flowglyph
