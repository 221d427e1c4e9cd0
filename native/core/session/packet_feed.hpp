// From records to packets that know their shard: parses, puts fragments together, keeps the clock, and counts
// what was seen and skipped. The one stage that must see all records in order; it runs ahead of the shards,
// on another chunk.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "input/record_source.hpp"
#include "parse/packet.hpp"
#include "session/capture_clock.hpp"
#include "session/packet_turn.hpp"
#include "stream/defragmenter.hpp"

namespace flowglyph {

// A list of packets that grows at its end. Not a std::vector: that zeroes each packet before the parser fills
// it, a twentieth of the time that a small one takes.
class PacketList {
 public:
  // The place of one more, with unset contents.
  Packet& append() {
    if (size_ == capacity_) grow();
    return packets_[size_++];
  }
  void dropLast() { --size_; }
  void clear() { size_ = 0; }
  Packet& back() { return packets_[size_ - 1]; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  operator std::span<const Packet>() const { return {packets_.get(), size_}; }

 private:
  void grow();

  std::unique_ptr<Packet[]> packets_;
  std::size_t size_ = 0, capacity_ = 0;
};

// Packets in file order, with all that they point to.
struct PacketChunk {
  PacketList packets;
  std::vector<TickEvent> ticks;
  std::vector<std::vector<PacketTurn>> shards;    // the packets of each
  std::vector<std::shared_ptr<const void>> held;  // the input's memory
  std::vector<Datagram> datagrams;                // packets of their own
  bool endOfFile = false;                         // sessions end behind it
  bool waiting = false;                           // the input is silent
  bool end = false;                               // no more
  std::optional<CaptureError> error;

  void clear();
};

class PacketFeed {
 public:
  PacketFeed(std::vector<std::string> paths, const ExtractOptions& options, std::size_t shards);

  // About `wanted` packets; fewer where something ends or waits.
  void fill(PacketChunk& chunk, std::size_t wanted);

  RecordSource& source() { return source_; }
  const RecordSource& source() const { return source_; }

  struct Counts {
    std::uint64_t records = 0, sessionRecords = 0;
    std::array<std::uint64_t, kSkipReasons> skipped{};
    std::vector<std::pair<std::uint16_t, std::uint64_t>> linktypes;  // in order of first appearance
    LayerTally layers;
  };
  const Counts& counts() const { return counts_; }
  const FragmentTotals& fragments() const { return defragmenter_.totals(); }

  // What fragments may take of the memory cap.
  static std::size_t fragmentBytes(std::size_t memoryBytes);

 private:
  void take(PacketChunk& chunk, const Record& record);
  void takeDatagrams(PacketChunk& chunk);
  void keep(PacketChunk& chunk);  // the packet that was just parsed into the chunk's last place
  const Linktype* rowOf(std::uint16_t number);

  static constexpr std::size_t kGroup = 64;

  ParseOptions parse_;
  std::size_t shards_;
  RecordSource source_;
  CaptureClock clock_;
  KeyHash hash_;
  Defragmenter defragmenter_;
  Counts counts_;
  std::array<Record, kGroup> records_;
  std::vector<Datagram> done_;
  std::uint16_t cachedNumber_ = kNoLinktype;
  const Linktype* cachedRow_ = nullptr;
  std::size_t cachedCount_ = 0;  // index in counts_.linktypes
};

}  // namespace flowglyph
