// Puts IPv4 and IPv6 fragments together (RFC 791, 815, 8200 section 4.5), with bounded memory and time.
//
// Whose fragments: addresses, identification, IP version, protocol (IPv4 alone) and tunnel depth. Not the
// VLAN, not the capture file: the parts of one datagram may take two ways, or lie in two files of a rotation.
//
// Overlaps: an exact repetition of bytes that are there is ignored and counted; a fragment that overlaps
// otherwise spoils its datagram (RFC 5722, and Linux for IPv4 since CVE-2018-5391): nothing of it but its
// first fragment is believed. So does one that cannot be: ending beyond 65535 bytes ("ping of death"),
// empty, not a multiple of 8 bytes with more to come, or contradicting where the datagram ends. A fragment
// that the snaplen cut makes its datagram hopeless.
//
// A datagram that is given up (spoiled, cut, too old, the oldest when memory runs out, end of input) comes
// out as its first fragment alone, as it was captured, where that was seen: its ports make a session. Its
// other records are skipped. Spoiled and cut ones are remembered until they time out: what still comes of
// them is skipped too, and a first fragment that comes only then comes out alone. A datagram that was
// completed is forgotten at once, since its identification may be used again right away.
//
// Time: a datagram lives for `timeoutNs` before and after the capture time of the fragment that opened it.
// Its own fragments hold it to that exactly: one that is further away opens a new datagram. For the others
// there is a clock, the latest time seen, that moves by the timeout or more, in either direction, only when
// two times in a row agree on it: a single wild timestamp ends nobody else's datagram, and a capture whose
// time really jumps keeps nothing for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "parse/packet.hpp"

namespace flowglyph {

// What comes out: a whole datagram, or the first fragment of one that was given up.
struct Datagram {
  // From the IP header on. Whole: the header of the first fragment, made to fit: IPv4 total length set, flags
  // and offset 0, checksum as it was; IPv6 payload length set, fragment header taken out. Not whole: as
  // captured, so that it still says that it is a fragment: parseDatagram() knows.
  std::unique_ptr<std::uint8_t[]> bytes;
  std::uint32_t length;
  // Time, capture group and link type are those of the record that completed it; where it is not whole, of
  // the first fragment's own record. `data` is `bytes`; origLength is more than capLength where the snaplen
  // cut the first fragment.
  Record record;
  std::uint32_t records;    // how many it was put together of
  std::uint32_t wireBytes;  // their IP packets' lengths, summed
  LayerSet layers;          // of the first fragment
  std::uint8_t tunnelDepth;
  bool whole;
};

// Each datagram ends in one of the first six.
struct FragmentTotals {
  std::uint64_t datagrams = 0;    // put together
  std::uint64_t incomplete = 0;   // given up: too old, or end of input
  std::uint64_t evicted = 0;      // given up for want of memory
  std::uint64_t overlapping = 0;  // given up as spoiled by an overlap
  std::uint64_t malformed = 0;    // given up as spoiled by a fragment that cannot be
  std::uint64_t cut = 0;          // given up because the snaplen cut a fragment
  std::uint64_t duplicates = 0;   // fragments that repeated what was there
};

class Defragmenter {
 public:
  // Timeouts are capture time, from the first fragment to come (RFC 8200: 60 s; Linux: 30 s for IPv4); 0 is
  // unlimited. `memoryBytes` bounds what is kept between two calls, bookkeeping included.
  Defragmenter(std::size_t memoryBytes, std::uint64_t timeoutNs);
  ~Defragmenter();
  Defragmenter(const Defragmenter&) = delete;
  Defragmenter& operator=(const Defragmenter&) = delete;

  // Takes a packet for which parsePacket said kFragment; its bytes are copied. Besides what parsePacket fills
  // then, `records` must be: 1, or that of the datagram that this fragment was found in. Appends to `out`
  // what is done by it, and to `skipped` the number of records that will be in no packet: they go by
  // kFragmentTail.
  void add(const Packet& fragment, std::vector<Datagram>& out, std::uint64_t& skipped);
  // Tells the time of records that are no fragments: datagrams that are too old come out. Not needed for
  // correctness; without it they wait for the next fragment.
  void advance(std::int64_t timeNs, std::vector<Datagram>& out, std::uint64_t& skipped);
  // End of the input: gives up all, in the order in which their first fragments came, and forgets the time.
  void flush(std::vector<Datagram>& out, std::uint64_t& skipped);

  const FragmentTotals& totals() const;
  std::size_t memoryUsed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flowglyph
