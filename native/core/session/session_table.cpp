#include "session/session_table.hpp"

#include <algorithm>

namespace flowglyph {
namespace {

// From `from` to `to`, 0 when time went backwards. Any two times: the difference may not fit a signed number.
std::uint64_t elapsed(std::int64_t from, std::int64_t to) {
  return to > from ? static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from) : 0;
}

}  // namespace

SessionTable::SessionTable(const ExtractOptions& options, const ImageKernel& kernel)
    : idleTimeoutNs_(options.idleTimeoutNs),
      activeTimeoutNs_(options.activeTimeoutNs),
      // Slots are 32-bit, and a table that holds no session at all could emit none.
      maxSessions_(std::clamp<std::size_t>(options.memoryBytes / kBytesPerSession, 1, kNoSlot - 1)),
      pool_(maxSessions_),
      encoder_(options.view, options.mask, kernel) {}

bool SessionTable::idleAt(std::uint32_t slot, std::int64_t timeNs) {
  return elapsed(pool_.session(slot).lastNs, timeNs) >= idleTimeoutNs_;
}

bool SessionTable::add(const Packet& packet, BatchWriter& writer) {
  const std::int64_t now = packet.record.timeNs;
  if (idleTimeoutNs_ != 0) {
    for (std::uint32_t slot; (slot = pool_.leastRecent()) != kNoSlot && idleAt(slot, now);) {
      if (writer.full()) return false;
      end(slot, EndReason::kIdleTimeout, writer);
    }
  }
  std::uint32_t slot = find(packet);
  if (slot != kNoSlot) {
    // The scan above stops at the first session that is not idle; after a step back in time idle ones may be
    // behind it.
    const bool idle = idleTimeoutNs_ != 0 && idleAt(slot, now);
    if (idle || (activeTimeoutNs_ != 0 && elapsed(pool_.session(slot).startNs, now) >= activeTimeoutNs_)) {
      if (writer.full()) return false;
      end(slot, idle ? EndReason::kIdleTimeout : EndReason::kActiveTimeout, writer);
      slot = kNoSlot;
    }
  }
  if (slot == kNoSlot) {
    if (pool_.full()) {
      if (writer.full()) return false;
      end(pool_.leastRecent(), EndReason::kEvicted, writer);
    }
    slot = start(packet);
  }
  update(slot, packet);
  if (idleTimeoutNs_ != 0) {
    const std::uint32_t oldest = pool_.leastRecent();
    if (elapsed(now, pool_.session(oldest).lastNs) >= idleTimeoutNs_) pool_.touch(oldest);
  }
  return true;
}

std::uint32_t SessionTable::find(const Packet& packet) {
  // The guess made for prefetching is nearly always right. Its session may have ended since; then its key
  // matches nothing.
  if (packet.likelySlot != kNoSlot && pool_.session(packet.likelySlot).key == packet.key)
    return packet.likelySlot;
  return index_.find(static_cast<std::uint32_t>(packet.hash),
                     [&](std::uint32_t slot) { return pool_.session(slot).key == packet.key; });
}

std::uint32_t SessionTable::start(const Packet& packet) {
  const std::uint32_t slot = pool_.acquire();
  const auto hash = static_cast<std::uint32_t>(packet.hash);
  index_.insert(hash, slot);
  Session& session = pool_.session(slot);
  session.key = packet.key;
  session.startNs = session.lastNs = packet.record.timeNs;
  session.hash = hash;
  session.imageFill = 0;
  session.initiatorIsLow = packet.fromLow;
  session.bytes[0] = session.bytes[1] = 0;
  session.packets[0] = session.packets[1] = 0;
  session.ordinal = nextOrdinal_++;
  return slot;
}

void SessionTable::update(std::uint32_t slot, const Packet& packet) {
  pool_.touch(slot);
  Session& session = pool_.session(slot);
  const std::size_t direction = packet.fromLow == session.initiatorIsLow ? 0 : 1;
  session.lastNs = std::max(session.lastNs, packet.record.timeNs);
  session.bytes[direction] += packet.ipBytes;
  ++session.packets[direction];
  session.imageFill =
      static_cast<std::uint16_t>(encoder_.append(pool_.image(slot), session.imageFill, packet));
}

void SessionTable::emit(std::uint32_t slot, EndReason reason, BatchWriter& writer) {
  Session& session = pool_.session(slot);
  writer.write(session, pool_.image(slot), reason, captureGroup_);
  ++totals_.sessions[session.key.protocol()];
  ++totals_.ended[static_cast<std::size_t>(reason)];
  session.key.words[4] = 0;  // no packet's key: see find()
}

void SessionTable::end(std::uint32_t slot, EndReason reason, BatchWriter& writer) {
  emit(slot, reason, writer);
  index_.erase(pool_.session(slot).hash, slot);
  pool_.release(slot);
}

bool SessionTable::flush(BatchWriter& writer) {
  if (flushing_.empty() && pool_.size() > 0) {
    flushing_.reserve(pool_.size());
    for (std::uint32_t slot = pool_.leastRecent(); slot != kNoSlot; slot = pool_.moreRecent(slot))
      flushing_.push_back({pool_.session(slot).ordinal, slot});
    const auto byOrdinal = [](const Flushed& a, const Flushed& b) { return a.ordinal < b.ordinal; };
    if (!std::is_sorted(flushing_.begin(), flushing_.end(), byOrdinal))
      std::sort(flushing_.begin(), flushing_.end(), byOrdinal);
    flushed_ = 0;
  }
  for (; flushed_ < flushing_.size(); ++flushed_) {
    if (writer.full()) return false;
    emit(flushing_[flushed_].slot, EndReason::kEndOfInput, writer);
  }
  // One by one the entries would be erased; all at once costs less.
  index_.clear();
  pool_.releaseAll();
  flushing_.clear();
  nextOrdinal_ = 0;
  return true;
}

}  // namespace flowglyph
