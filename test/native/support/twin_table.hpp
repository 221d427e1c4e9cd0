// The session table's slow truth: std::map and std::list, one rule after the other as session_table.hpp
// states them.
#pragma once

#include <cstdint>
#include <list>
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
  ByteVector ip;  // the whole IP packet
};

class TwinTable {
 public:
  TwinTable(const ExtractOptions& options, std::size_t maxSessions)
      : options_(options), maxSessions_(maxSessions) {}

  void add(const TwinPacket& packet);
  void flush();
  const std::vector<Row>& rows() const { return rows_; }

 private:
  using Key = std::tuple<std::uint32_t, std::uint16_t, std::uint32_t, std::uint16_t, bool>;
  struct Live {
    Row row;
    std::uint64_t ordinal;
    std::uint32_t source;
    std::uint16_t sourcePort;
    std::list<Key>::iterator place;
  };

  void end(const Key& key, EndReason reason);
  bool idle(const Live& session, std::int64_t now) const;

  ExtractOptions options_;
  std::size_t maxSessions_;
  std::map<Key, Live> live_;
  std::list<Key> activity_;  // the longest inactive first
  std::uint64_t nextOrdinal_ = 0;
  std::vector<Row> rows_;
};

}  // namespace flowglyph::test
