// The engine's slow truth: one map of sessions, all of them looked at for every packet, one rule after the
// other as session_shard.hpp, capture_clock.hpp and memory_governor.hpp state them. View l3, no mask; TCP
// sequence numbers have a twin of their own.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "extracted.hpp"

namespace flowglyph::test {

struct TwinPacket {
  std::int64_t timeNs;
  std::uint32_t source, destination;
  std::uint16_t sourcePort, destinationPort;
  bool tcp;
  std::uint8_t tcpFlags;
  ByteVector ip;  // the whole IP packet
};

class TwinEngine {
 public:
  // `capacity` and `interval` as the memory governor states them.
  TwinEngine(const ExtractOptions& options, std::size_t capacity, std::size_t interval)
      : options_(options), capacity_(capacity), interval_(interval) {}

  void add(const TwinPacket& packet);
  void flush();
  std::vector<Row> rows() const;
  std::uint64_t shortened() const { return shortened_; }

 private:
  using Key = std::tuple<std::uint32_t, std::uint16_t, std::uint32_t, std::uint16_t, bool>;
  struct Live {
    Row row;
    std::uint64_t ordinal, lastOrdinal;
    std::uint32_t source;
    std::uint16_t sourcePort;
    std::int64_t lastTimeNs;  // of the packet before, which may lie before endNs
    std::int64_t wheelTick;   // where the timer wheel holds it
    bool reported;            // its row came out early
  };
  struct Ended {
    std::uint64_t at;
    int phase;  // 0 for want of memory, 1 by the clock or a packet
    std::uint64_t ordinal;
    Row row;
  };

  void checkMemory();
  void moveClock(std::int64_t timeNs);
  void end(const Key& key, EndReason reason, int phase);
  Row finished(Row row, EndReason reason) const;
  bool closes(const Live& session) const;
  EndReason closeReason(const Live& session) const;
  std::int64_t deadline(const Live& session) const;
  void place(Live& session) const;

  ExtractOptions options_;
  std::size_t capacity_, interval_;
  std::map<Key, Live> live_;
  std::vector<Ended> ended_;
  std::uint64_t next_ = 0, shortened_ = 0;
  unsigned sixteenths_ = 0;
  bool clockRuns_ = false;
  std::int64_t tick_ = 0;
};

}  // namespace flowglyph::test
