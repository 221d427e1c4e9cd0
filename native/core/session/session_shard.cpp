#include "session/session_shard.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace flowglyph {
namespace {

// A session's memory is asked for in three steps, each needing the one before: table entry, session, end of
// its image. So many packets lie between two steps of one packet.
constexpr std::size_t kLead = 16;

// With several threads another one has parsed it, and its lines are in that one's cache.
void prefetchPacket(const Packet& packet) {
  const auto* bytes = reinterpret_cast<const char*>(&packet);
  for (std::size_t at = 0; at < sizeof packet; at += 64) __builtin_prefetch(bytes + at);
}

}  // namespace

SessionShard::SessionShard(std::uint16_t number, const ExtractOptions& options, const ImageKernel& kernel,
                           SessionPool& pool)
    : number_(number),
      idleTimeoutNs_(options.idleTimeoutNs),
      activeTimeoutNs_(options.activeTimeoutNs),
      // Without an idle timeout sessions last; a close timeout beyond it would make closing prolong them.
      closeTimeoutNs_(std::min(options.closeTimeoutNs, options.idleTimeoutNs)),
      streamOrder_(options.view == View::kL7 && options.order == Order::kStream),
      early_(options.early),
      earlyPackets_(options.earlyPackets == 0 ? std::numeric_limits<std::uint64_t>::max()
                                              : options.earlyPackets),
      pool_(pool),
      wheel_(pool, options.idleTimeoutNs),
      encoder_(options.view, options.mask, kernel),
      streams_(options.order, options.view) {}

void SessionShard::process(const PacketRun& run, std::span<const PacketTurn> turns) {
  std::array<std::uint32_t, kLead * 2> guesses;
  std::size_t nextTick = 0;
  for (std::size_t i = 0; i < turns.size() + 2 * kLead; ++i) {
    if (i < turns.size()) {
      index_.prefetch(turns[i].hash);
      prefetchPacket(run.packets[turns[i].packet]);
    }
    if (i >= kLead && i - kLead < turns.size()) {
      const std::uint32_t slot = index_.guess(turns[i - kLead].hash);
      guesses[(i - kLead) % guesses.size()] = slot;
      if (slot != kNoSlot) pool_.prefetch(slot);
    }
    // The image is asked for half-way to the packet's turn.
    if (i >= kLead + kLead / 2 && i - kLead - kLead / 2 < turns.size()) {
      const std::uint32_t slot = guesses[(i - kLead - kLead / 2) % guesses.size()];
      if (slot != kNoSlot) pool_.prefetchImage(slot);
    }
    if (i < 2 * kLead) continue;
    const std::size_t turn = i - 2 * kLead;
    const std::uint32_t packet = turns[turn].packet;
    for (; nextTick < run.ticks.size() && run.ticks[nextTick].packet <= packet; ++nextTick)
      advance(run.ticks[nextTick], run.ordinalOf(run.ticks[nextTick].packet));
    add(run.packets[packet], turns[turn].hash, guesses[turn % guesses.size()], run.ordinalOf(packet));
  }
  for (; nextTick < run.ticks.size(); ++nextTick)
    advance(run.ticks[nextTick], run.ordinalOf(run.ticks[nextTick].packet));
}

void SessionShard::advance(const TickEvent& tick, std::uint64_t at) {
  if (!wheel_.running()) return;
  if (!tick.forward) {
    wheel_.set(tick.tick);
    return;
  }
  wheel_.advance(tick.tick, ticksAhead_, [&](std::uint32_t slot, std::int64_t& deadlineNs) {
    const Session& session = pool_.session(slot);
    deadlineNs = deadlineOf(session);
    const bool own = deadlineNs < tick.startNs;
    // The shortened timeout is the idle one's: a closed session's is short.
    if (!own && elapsed(session.lastNs, tick.startNs) <= idleTimeoutNs_ - shortenedByNs_) return false;
    if (closes() && session.closed()) {
      end(slot, session.reset() ? EndReason::kRst : EndReason::kFin, at);
    } else {
      end(slot, EndReason::kIdleTimeout, at, !own);
    }
    return true;
  });
}

void SessionShard::add(const Packet& packet, std::uint32_t hash, std::uint32_t guess, std::uint64_t ordinal) {
  std::uint32_t slot = find(packet, hash, guess);
  if (slot != kNoSlot) {
    if (EndReason reason; endedBy(pool_.session(slot), packet, reason)) {
      end(slot, reason, ordinal);
      slot = kNoSlot;
    }
  }
  if (slot == kNoSlot) slot = start(packet, hash, ordinal);
  update(slot, packet, ordinal);
}

bool SessionShard::endedBy(const Session& session, const Packet& packet, EndReason& reason) const {
  const std::int64_t now = packet.record.timeNs;
  const std::uint64_t silence = elapsed(session.lastNs, now);
  if (closes() && session.closed()) {
    const bool opens = (packet.tcpFlags & (kTcpSyn | kTcpAck)) == kTcpSyn;
    reason = session.reset() ? EndReason::kRst : EndReason::kFin;
    if (silence >= closeTimeoutNs_ || opens) return true;
  }
  if (idleTimeoutNs_ != 0 && silence >= idleTimeoutNs_) {
    reason = EndReason::kIdleTimeout;
    return true;
  }
  reason = EndReason::kActiveTimeout;
  return activeTimeoutNs_ != 0 && elapsed(session.startNs, now) >= activeTimeoutNs_;
}

std::uint32_t SessionShard::find(const Packet& packet, std::uint32_t hash, std::uint32_t guess) {
  // The guess made for prefetching is nearly always right. Its session may have ended since; then its key
  // matches nothing.
  if (guess != kNoSlot && pool_.session(guess).key == packet.key) return guess;
  return index_.find(hash, [&](std::uint32_t slot) { return pool_.session(slot).key == packet.key; });
}

std::uint32_t SessionShard::start(const Packet& packet, std::uint32_t hash, std::uint64_t ordinal) {
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  index_.insert(hash, slot);
  Session& session = pool_.session(slot);
  session.key = packet.key;
  session.startNs = session.lastNs = packet.record.timeNs;
  session.tcpFlags[0] = session.tcpFlags[1] = 0;
  session.imageFill = 0;
  session.initiatorIsLow = packet.fromLow ? 1 : 0;
  session.tunnelDepth = packet.tunnelDepth & 31;
  session.bytes[0] = session.bytes[1] = 0;
  session.packets[0] = session.packets[1] = 0;
  session.ordinal = ordinal;
  session.tcp = TcpStreams::fresh();
  session.captureGroup = packet.record.captureGroup & 0x7FFFFFFF;
  session.reported = 0;
  pool_.sequenceFormat().clear(pool_.sequence(slot));
  if (wheel_.running()) wheel_.place(slot, deadlineOf(session));
  return slot;
}

void SessionShard::update(std::uint32_t slot, const Packet& packet, std::uint64_t ordinal) {
  Session& session = pool_.session(slot);
  const unsigned direction = packet.fromLow == (session.initiatorIsLow != 0) ? 0 : 1;
  session.lastNs = std::max(session.lastNs, packet.record.timeNs);
  session.lastBlock = static_cast<std::uint32_t>(ordinal / Session::kBlockPackets);
  session.bytes[direction] += packet.ipBytes;
  session.packets[direction] += packet.records;
  std::uint8_t* image = pool_.image(slot);
  std::size_t fill = session.imageFill;
  if (packet.protocol() == kTcp) {
    const std::uint8_t flagsBefore = session.tcpFlags[direction];
    if (streamOrder_) {
      fill = streams_.add(session.tcp, packet, direction, flagsBefore, image, fill);
    } else {
      streams_.add(session.tcp, packet, direction, flagsBefore, image, fill);
      fill = encoder_.append(image, fill, packet);
    }
    const bool wasClosed = session.closed();
    session.tcpFlags[direction] = flagsBefore | packet.tcpFlags;
    if (closes() && !wasClosed && session.closed()) {
      wheel_.remove(slot);
      wheel_.place(slot, deadlineOf(session));
    }
  } else {
    fill = encoder_.append(image, fill, packet);
  }
  session.imageFill = static_cast<std::uint16_t>(fill) & 1023;
  pool_.sequenceFormat().add(pool_.sequence(slot), packet, direction);
  if (early_ && session.reported == 0 &&
      (fill >= kImageBytes || std::uint64_t{session.packets[0]} + session.packets[1] >= earlyPackets_))
    report(slot, ordinal);
}

void SessionShard::report(std::uint32_t slot, std::uint64_t at) {
  const std::uint32_t copy = free_.back();
  free_.pop_back();
  Session& session = pool_.session(slot);
  Session& row = pool_.session(copy);
  row = session;
  // What waits for a hole in the stream stays the session's.
  row.tcp.stash = kNoStash;
  row.markEnded();
  std::memcpy(pool_.image(copy), pool_.image(slot), session.imageFill);
  std::memcpy(pool_.sequence(copy), pool_.sequence(slot), pool_.sequenceFormat().bytes());
  session.reported = 1;
  ended_.push_back({at, session.ordinal, copy, number_, EndReason::kEarly, false});
}

std::int64_t SessionShard::deadlineOf(const Session& session) const {
  const std::uint64_t timeout = timeoutOf(session);
  const std::uint64_t room = elapsed(session.lastNs, std::numeric_limits<std::int64_t>::max());
  return timeout >= room ? std::numeric_limits<std::int64_t>::max()
                         : session.lastNs + static_cast<std::int64_t>(timeout);
}

void SessionShard::end(std::uint32_t slot, EndReason reason, std::uint64_t at, bool shortened) {
  Session& session = pool_.session(slot);
  if (session.key.protocol() == kTcp)
    session.imageFill =
        static_cast<std::uint16_t>(streams_.finish(session.tcp, pool_.image(slot), session.imageFill)) & 1023;
  index_.erase(static_cast<std::uint32_t>(hash_(session.key)), slot);
  if (wheel_.running()) wheel_.remove(slot);
  session.markEnded();
  ended_.push_back({at, session.ordinal, slot, number_, reason, shortened});
}

void SessionShard::shorten(unsigned sixteenths) {
  shortenedByNs_ = idleTimeoutNs_ / 16 * sixteenths;
  ticksAhead_ = static_cast<std::int64_t>(CaptureClock::kTicksPerTimeout / 16 * sixteenths);
}

void SessionShard::evict(std::uint32_t slot, std::uint64_t at) { end(slot, EndReason::kEvicted, at); }

void SessionShard::flush(std::uint64_t at) {
  ended_.reserve(ended_.size() + index_.size());
  index_.forEach([&](std::uint32_t slot) {
    Session& session = pool_.session(slot);
    if (session.key.protocol() == kTcp)
      session.imageFill =
          static_cast<std::uint16_t>(streams_.finish(session.tcp, pool_.image(slot), session.imageFill)) &
          1023;
    const EndReason reason = !closes() || !session.closed() ? EndReason::kEndOfInput
                             : session.reset()              ? EndReason::kRst
                                                            : EndReason::kFin;
    session.markEnded();
    ended_.push_back({at, session.ordinal, slot, number_, reason, false});
  });
  // One by one the entries would be erased; all at once costs less.
  index_.clear();
  wheel_.clear();
}

}  // namespace flowglyph
