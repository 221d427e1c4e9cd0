// The defragmenter's slow truth: one cell for each byte of each datagram, one rule after the other as
// stream/defragmenter.hpp states them. It is told what a fragment holds; it reads no headers. And the
// fragments themselves, built field by field.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include "frames.hpp"

namespace flowglyph::test {

// Whose fragments, and what is before their data.
struct Origin {
  int version = 4;
  std::uint8_t source = 1, destination = 2;
  std::uint32_t id = 7;
  std::uint8_t protocol = 17;
  std::uint8_t tunnelDepth = 0;
  ByteVector options;     // IPv4, a multiple of 4
  bool hopByHop = false;  // IPv6: an extension header before the fragment header
  std::uint8_t ttl = 64;  // what may differ between the fragments of a datagram

  auto key() const {
    return std::array<std::uint32_t, 6>{std::uint32_t(version),
                                        source,
                                        destination,
                                        id,
                                        tunnelDepth,
                                        version == 4 ? std::uint32_t{protocol} : 0};
  }
  // What the length field of the whole datagram counts besides its data.
  std::uint32_t fixedBytes() const;
  ByteVector fragment(std::uint32_t offset, bool more, const ByteVector& data) const;
  ByteVector whole(const ByteVector& data) const;
};

struct TwinFragment {
  std::int64_t timeNs = 0;
  Origin origin;
  std::uint32_t offset = 0;
  bool more = false;
  ByteVector data;
  std::uint32_t captured = 0xFFFFFFFF;  // bytes of its IP packet; less than it has: cut by the snaplen
  std::uint32_t records = 1;

  ByteVector ip() const { return origin.fragment(offset, more, data); }
  ByteVector capturedIp() const;
};

struct TwinDatagram {
  ByteVector bytes;
  std::int64_t timeNs;
  std::uint32_t records, wireBytes;
  bool whole;

  bool operator==(const TwinDatagram&) const = default;
};

struct TwinFragmentTotals {
  std::uint64_t datagrams = 0, incomplete = 0, overlapping = 0, malformed = 0, cut = 0, duplicates = 0;
};

// Memory without end.
class TwinDefragmenter {
 public:
  explicit TwinDefragmenter(std::uint64_t timeoutNs) : timeoutNs_(timeoutNs) {}

  void add(const TwinFragment& fragment);
  void flush();

  std::vector<TwinDatagram> out;
  std::uint64_t skipped = 0;
  TwinFragmentTotals totals;

 private:
  struct Waiting {
    std::array<std::uint32_t, 6> key;
    std::int64_t openedNs;
    bool givenUp = false;
    std::optional<TwinFragment> first;
    std::vector<int> cells;  // as many as were reached; -1: not seen
    std::optional<std::size_t> total;
    std::uint32_t records = 0, wireBytes = 0;
  };

  bool apart(std::int64_t a, std::int64_t b) const;
  void emitAlone(const TwinFragment& first);
  void giveUp(Waiting& datagram, std::uint64_t& counter);
  void tellTime(std::int64_t now);

  std::uint64_t timeoutNs_;
  std::list<Waiting> waiting_;
  std::vector<std::int64_t> times_;  // the clock, and the time that was doubted
};

}  // namespace flowglyph::test
