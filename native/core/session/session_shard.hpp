// The live sessions of one shard: finds a packet's session, fills it, ends it. Shards share nothing that they
// write to, and what a shard does to a session depends on that session's packets and the clock alone.
//
// When a session ends (time is capture time; the timeouts are NFStream's, closing is Zeek's):
//   1. Idle. A packet that comes idleTimeout or longer after the latest of its session ends it and starts
//   another. One that
//      gets no more packets ends when the clock (capture_clock.hpp) has passed that time.
//   2. Active. A packet that comes activeTimeout or longer after the first of its session ends it and starts
//   another.
//   3. Closed (TCP). After FIN both ways or RST: closeTimeout after the latest packet, or at a new SYN.
//   4. Evicted, or ended earlier than its idle timeout, for want of memory: engine.hpp decides for all shards
//   at once.
//   5. End of input.
// A session may be reported before it ends (ExtractOptions::early): a copy of what it is at that packet waits
// for its row, and the session itself ends later without one. A timeout of 0 never comes. Timestamps that go
// backwards end nothing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "image/image_encoder.hpp"
#include "parse/packet.hpp"
#include "session/capture_clock.hpp"
#include "session/packet_turn.hpp"
#include "session/session_index.hpp"
#include "session/session_pool.hpp"
#include "session/timer_wheel.hpp"
#include "session_batch.hpp"
#include "stream/tcp_stream.hpp"

namespace flowglyph {

// A session that ended and waits for its row. Rows go in the order of (at, ordinal).
struct EndedSession {
  std::uint64_t at;       // ordinal of the packet at which it ended
  std::uint64_t ordinal;  // of its own first packet
  std::uint32_t slot;
  std::uint16_t shard;
  EndReason reason;
  bool shortened;  // idle, but not yet for its whole timeout
};

// A run of packets that all shards work on at the same time.
struct PacketRun {
  std::span<const Packet> packets;   // of a chunk
  std::uint32_t first, last;         // of them the run is [first, last)
  std::uint64_t firstOrdinal;        // of packets[first]
  std::span<const TickEvent> ticks;  // before packets of the run

  std::uint64_t ordinalOf(std::uint32_t packet) const { return firstOrdinal + (packet - first); }
};

class SessionShard {
 public:
  SessionShard(std::uint16_t number, const ExtractOptions& options, const ImageKernel& kernel,
               SessionPool& pool);
  SessionShard(const SessionShard&) = delete;
  SessionShard& operator=(const SessionShard&) = delete;

  // Works on the packets of the run that are listed. There are slotsAPacket() free slots for each.
  void process(const PacketRun& run, std::span<const PacketTurn> turns);

  // A packet may start a session, and bring another's row out early, which needs a slot until it is written.
  static std::size_t slotsAPacket(const ExtractOptions& options) { return options.early ? 2 : 1; }

  // A sixteenth of the idle timeout times this is taken off it from the next tick on.
  void shorten(unsigned sixteenths);
  void evict(std::uint32_t slot, std::uint64_t at);
  // End of the input: all sessions.
  void flush(std::uint64_t at);

  SessionPool::FreeSlots& freeSlots() { return free_; }
  std::vector<EndedSession>& ended() { return ended_; }
  std::size_t live() const { return index_.size(); }
  std::size_t streamBytes() const { return streams_.memoryUsed(); }

 private:
  void advance(const TickEvent& tick, std::uint64_t at);
  void add(const Packet& packet, std::uint32_t hash, std::uint32_t guess, std::uint64_t ordinal);
  std::uint32_t find(const Packet& packet, std::uint32_t hash, std::uint32_t guess);
  std::uint32_t start(const Packet& packet, std::uint32_t hash, std::uint64_t ordinal);
  void update(std::uint32_t slot, const Packet& packet, std::uint64_t ordinal);
  // Its row, as it is now, goes out at packet `at`; the session goes on.
  void report(std::uint32_t slot, std::uint64_t at);
  // Why a packet of that kind ends the session, or nothing.
  bool endedBy(const Session& session, const Packet& packet, EndReason& reason) const;
  void end(std::uint32_t slot, EndReason reason, std::uint64_t at, bool shortened = false);

  bool closes() const { return closeTimeoutNs_ != 0; }
  std::uint64_t timeoutOf(const Session& session) const {
    return closes() && session.closed() ? closeTimeoutNs_ : idleTimeoutNs_;
  }
  std::int64_t deadlineOf(const Session& session) const;

  std::uint16_t number_;
  std::uint64_t idleTimeoutNs_, activeTimeoutNs_, closeTimeoutNs_;
  bool streamOrder_;
  bool early_;
  std::uint64_t earlyPackets_;
  std::uint64_t shortenedByNs_ = 0;
  std::int64_t ticksAhead_ = 0;
  KeyHash hash_;
  SessionPool& pool_;
  SessionIndex index_;
  TimerWheel wheel_;
  ImageEncoder encoder_;
  TcpStreams streams_;
  SessionPool::FreeSlots free_;
  std::vector<EndedSession> ended_;
};

}  // namespace flowglyph
