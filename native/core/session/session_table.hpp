// The live sessions of one capture file: finds a packet's session, ends sessions, keeps within the memory
// cap.
//
// When a session ends, and in which order they are emitted (time is capture time; semantics of NFStream):
//   1. Idle. Before a packet of time t is looked at, every session whose last packet is idleTimeout or longer
//   before t ends, in the
//      order of their last packets. A session that a timestamp from the future would keep for ever, lastNs -
//      t >= idleTimeout, is passed over: one a packet moves to the recent end of that order.
//   2. Active. A packet that comes activeTimeout or longer after the first of its session ends it and starts
//   a new one.
//   3. Evicted. A new session beyond the cap first ends the one whose last packet is the longest ago in file
//   order.
//   4. End of input: all that are left, in the order of their first packets.
// A timeout of 0 never comes. Timestamps that go backwards end nothing.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "image/image_encoder.hpp"
#include "parse/packet.hpp"
#include "session/batch_writer.hpp"
#include "session/session_index.hpp"
#include "session/session_pool.hpp"

namespace flowglyph {

struct SessionTotals {
  std::array<std::uint64_t, 256> sessions{};       // emitted, by protocol
  std::array<std::uint64_t, kEndReasons> ended{};  // emitted, by reason
};

class SessionTable {
 public:
  SessionTable(const ExtractOptions& options, const ImageKernel& kernel);

  // Files begin with an empty table; `captureGroup` goes into the rows.
  void beginFile(std::uint32_t captureGroup) { captureGroup_ = captureGroup; }

  void prefetchEntry(Packet& packet) {
    packet.hash = hash_(packet.key);
    index_.prefetch(static_cast<std::uint32_t>(packet.hash));
  }
  void prefetchSession(Packet& packet) {
    packet.likelySlot = index_.guess(static_cast<std::uint32_t>(packet.hash));
    if (packet.likelySlot != kNoSlot) pool_.prefetch(packet.likelySlot);
  }
  void prefetchImage(const Packet& packet) {
    if (packet.likelySlot != kNoSlot) pool_.prefetchImage(packet.likelySlot);
  }

  // False: the batch is full and the packet is not yet taken; the same call with room in the batch goes on.
  // Wants packet.hash as prefetchEntry sets it.
  bool add(const Packet& packet, BatchWriter& writer);
  // Ends all sessions. False: the batch is full, more are left.
  bool flush(BatchWriter& writer);

  const SessionTotals& totals() const { return totals_; }
  std::size_t liveSessions() const { return pool_.size(); }
  std::size_t maxSessions() const { return maxSessions_; }

  // Flushing sorts an ordinal and a slot per session.
  static constexpr std::size_t kBytesPerSession =
      SessionPool::kBytesPerSession + SessionIndex::kBytesPerSession + 16;

 private:
  struct Flushed {
    std::uint64_t ordinal;
    std::uint32_t slot;
  };

  std::uint32_t find(const Packet& packet);
  std::uint32_t start(const Packet& packet);
  void update(std::uint32_t slot, const Packet& packet);
  void emit(std::uint32_t slot, EndReason reason, BatchWriter& writer);
  void end(std::uint32_t slot, EndReason reason, BatchWriter& writer);
  bool idleAt(std::uint32_t slot, std::int64_t timeNs);

  std::uint64_t idleTimeoutNs_, activeTimeoutNs_;
  std::size_t maxSessions_;
  KeyHash hash_;
  SessionIndex index_;
  SessionPool pool_;
  ImageEncoder encoder_;
  SessionTotals totals_;
  std::uint64_t nextOrdinal_ = 0;
  std::uint32_t captureGroup_ = 0;
  std::vector<Flushed> flushing_;
  std::size_t flushed_ = 0;
};

}  // namespace flowglyph
